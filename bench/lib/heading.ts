/**
 * Where a run took place, in a line.
 */
import type { Surroundings } from './records'

export function formatHeading(around: Surroundings): string {
  const { cpu, cores, memoryGib, pinned, kernel, system, bun, node, commit } = around
  const where = `${cpu}, ${cores} CPUs (${pinned ? 'server and load have one each' : 'not pinned'})`
  return `${where}, ${memoryGib} GiB, ${system ?? 'Linux'} ${kernel}; Bun ${bun}, Node ${node}; Carillon ${commit}`
}
