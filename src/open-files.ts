/**
 * How many files, sockets included, the system lets this process open.
 */
import { readFileSync } from 'node:fs'

/** The soft limit, or undefined where the system does not say (anything but Linux). */
export function openFilesLimit(): number | undefined {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return line ? Number(line[1]) : undefined
  } catch {
    return undefined // ENOENT: not Linux
  }
}
