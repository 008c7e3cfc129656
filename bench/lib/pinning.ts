/**
 * Which CPU a process of the bench gets: the server the first, the load the second, what is neither
 * both, where the system can pin.
 */
import { existsSync, readFileSync } from 'node:fs'

export type Role = 'server' | 'load' | 'both'

const STATUS = '/proc/self/status'

/** What begins a command that is pinned; empty where that can't be. */
export function pinCommand(role: Role): readonly string[] {
  const [first, second] = readAllowedCpus()
  if (second === undefined || !Bun.which('taskset')) return []
  const cpus = { server: first, load: second, both: `${first},${second}` }
  return ['taskset', '-c', String(cpus[role])]
}

/** True where server and load have a CPU each. */
export const isPinned = (): boolean => pinCommand('server').length > 0

/** Reads the CPUs that this process may use, `0-3,8` in `/proc`; none where there is no such file. */
export function readAllowedCpus(): readonly number[] {
  if (!existsSync(STATUS)) return []
  const line = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync(STATUS, 'utf8'))
  return (line?.[1] ?? '').split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}
