/** Cores: how many this process may use, by its affinity and by the quota of its control group. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const GROUPS = '/sys/fs/cgroup'

/** At least 1. What is left of a quota below a whole core is not used by a process of its own. */
export const usableCores = (): number => coresWithin(availableParallelism(), readQuotas())

/** `quotas` are texts of `cpu.max`: `150000 100000` is one and a half cores, `max 100000` is no limit. */
export function coresWithin(cores: number, quotas: readonly string[]): number {
  const limits = quotas.map((text) => {
    const [quota = 0, period = 0] = text.trim().split(' ').map(Number)
    return quota > 0 && period > 0 ? quota / period : Infinity // NaN of `max`
  })
  return Math.max(1, Math.floor(Math.min(cores, ...limits)))
}

/** Of the group and those above it, version 2; in a container the outermost that it sees is its own. */
function readQuotas(): string[] {
  const group = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup'))?.[1] ?? '/'
  const parts = group.split('/').filter((part) => part !== '' && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, length) =>
    read([GROUPS, ...parts.slice(0, length), 'cpu.max'].join('/')),
  ).filter((text) => text !== '')
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // ENOENT: another system, or version 1
  }
}
