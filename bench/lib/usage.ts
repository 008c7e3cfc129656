/**
 * What a process used, from `/proc`: CPU time in ticks of 10 ms, so windows must be seconds long.
 */
import { readFileSync } from 'node:fs'

export type Usage = {
  readonly seconds: number
  readonly serverCpuSeconds: number
  /** Of one CPU. */
  readonly serverCpuPercent: number
  /** Of one CPU. At 100 the load is the limit and wall figures are its own. */
  readonly loadCpuPercent: number
  readonly serverRssMib: number
}

const TICKS_PER_SECOND = 100
/** Of the fields after the process's name, which may hold spaces: utime and stime. */
const [UTIME, STIME] = [11, 12]

/** Begins to measure the server and this process; the result ends it. */
export function openWindow(serverPid: number): () => Usage {
  const begun = { at: performance.now(), server: cpuSeconds(serverPid), load: cpuSeconds('self') }
  return () => {
    const seconds = (performance.now() - begun.at) / 1000
    const serverCpuSeconds = cpuSeconds(serverPid) - begun.server
    return {
      seconds,
      serverCpuSeconds,
      serverCpuPercent: (100 * serverCpuSeconds) / seconds,
      loadCpuPercent: (100 * (cpuSeconds('self') - begun.load)) / seconds,
      serverRssMib: rssMib(serverPid),
    }
  }
}

/** Counts per second; none when nothing was measured. */
export const per = (count: number, seconds: number): number => (seconds > 0 ? count / seconds : 0)

function cpuSeconds(pid: number | 'self'): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND
}

function rssMib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}
