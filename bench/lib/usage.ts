/**
 * What a process used: CPU time by the scheduler's own count, memory from `/proc`.
 */
import { readFileSync } from 'node:fs'
import { cpuSecondsOf } from './libc'
import type { Peer } from './sides'

/** What processes used. For a server that is not ours the fields are NaN, `null` in a record. */
export type Usage = {
  readonly seconds: number
  readonly serverCpuSeconds: number
  /** Of one CPU. */
  readonly serverCpuPercent: number
  /** Of one CPU. Near 100 the load is the limit and wall figures are its own. */
  readonly loadCpuPercent: number
  /** At the end, and the most there ever was. */
  readonly serverRssMib: number
  readonly serverPeakRssMib: number
}

/** Begins to measure the server, all of its nodes, and this process; the result ends it. Memory is the first's. */
export function openWindow(
  serverPid: number | undefined,
  others: readonly Pick<Peer, 'pid'>[] = [],
): () => Usage {
  const readCpu = (): number => others.reduce((sum, { pid }) => sum + cpuOf(pid), cpuOf(serverPid))
  const begun = { at: performance.now(), server: readCpu(), load: process.cpuUsage() }
  return () => {
    const seconds = (performance.now() - begun.at) / 1000
    const serverCpuSeconds = readCpu() - begun.server
    return {
      seconds,
      serverCpuSeconds,
      serverCpuPercent: (100 * serverCpuSeconds) / seconds,
      loadCpuPercent: (100 * readOwnSeconds(begun.load)) / seconds,
      serverRssMib: readMemoryMib(serverPid, 'VmRSS'),
      serverPeakRssMib: readMemoryMib(serverPid, 'VmHWM'),
    }
  }
}

/** Counts per second; none when nothing was measured. */
export const dividePerSecond = (count: number, seconds: number): number =>
  seconds > 0 || Number.isNaN(seconds) ? count / seconds : 0

const cpuOf = (pid: number | undefined): number => (pid === undefined ? NaN : cpuSecondsOf(pid))

/**
 * CPU seconds of the first thread of a process, which has the event loop; compiler and collector have others. NaN where
 * the system does not say.
 */
export function readLoopSeconds(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9
  } catch {
    return NaN // another system than Linux, or a server that is not ours
  }
}

/** Reads the CPU seconds of this process since then, on any system. */
function readOwnSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}

/** Reads the memory of a process, in MiB. */
export function readMemoryMib(pid: number | undefined, field: 'VmRSS' | 'VmHWM'): number {
  if (pid === undefined) return NaN
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024
}
