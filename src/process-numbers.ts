/** What the system knows of this process: memory, CPU, open files. Read when metrics are asked for. */
import { readdirSync, statSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { ProcessNumbers } from './http/metric-rows'
import { openFilesLimit } from './open-files'

const startedAtSeconds = (Date.now() - process.uptime() * 1000) / 1000

export function readProcess(): ProcessNumbers {
  const { user, system } = process.cpuUsage()
  return {
    residentBytes: process.memoryUsage.rss(),
    memoryBytes: memoryBytes(),
    userSeconds: user / 1e6,
    systemSeconds: system / 1e6,
    startedAtSeconds,
    openFiles: countOpenFiles(),
    maxFiles: openFilesLimit(),
  }
}

/** What the container may have, where that is less than the machine has. */
function memoryBytes(): number {
  const allowed = process.constrainedMemory()
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem()
}

const OPEN_FILES = '/proc/self/fd'

/** The folder's size since Linux 6.2, where it was 0: listing 20 000 files takes 10 ms. */
function countOpenFiles(): number | undefined {
  try {
    return statSync(OPEN_FILES).size || readdirSync(OPEN_FILES).length
  } catch {
    return undefined // ENOENT: not Linux
  }
}
