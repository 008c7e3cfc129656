/** A plugin that keeps the thread busy. */

/** Uses so much CPU, however long that takes on a busy machine. */
export function compute(cpuMs: number): void {
  const before = process.threadCpuUsage()
  for (;;) {
    const { user, system } = process.threadCpuUsage(before)
    if (user + system > cpuMs * 1000) return
  }
}
