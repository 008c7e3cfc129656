/**
 * Whether this process ignores a hang-up (the terminal is closed). `nohup` starts it with the signal
 * ignored, and a listener would undo that.
 */
import { dlopen, FFIType } from 'bun:ffi'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** Whether `SIGHUP` was ignored at the start; call it before anything listens. True where that is unknown. */
export function ignoresHangups(): boolean {
  const check = CHECKS[process.platform]
  try {
    return check === undefined || check()
  } catch {
    return true // no /proc, or no foreign functions: the signal stays as it is
  }
}

const CHECKS: { readonly [Platform in NodeJS.Platform]?: () => boolean } = {
  linux: () => isIgnoredIn(readFileSync('/proc/self/status', 'utf8')),
  darwin: () => isIgnored('libSystem.B.dylib'),
}

/** Whether `SigIgn` ignores `SIGHUP`: it has a bit for each signal, the lowest is signal 1. Spec: proc_pid_status(5). */
export function isIgnoredIn(status: string): boolean {
  const [, mask] = /^SigIgn:\s*([\da-f]+)$/m.exec(status) ?? []
  if (mask === undefined) throw new Error('no SigIgn')
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGHUP - 1)) & 1n) === 1n
}

const SIG_IGN = 1n
/** More than any system's `struct sigaction`, which begins with the handler. */
const ACTION_WORDS = 32

/** Whether `SIGHUP` is ignored, by sigaction(2) of the C library. */
export function isIgnored(library: string): boolean {
  const { symbols } = dlopen(library, {
    sigaction: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  })
  const action = new BigUint64Array(ACTION_WORDS)
  if (symbols.sigaction(constants.signals.SIGHUP, null, action) !== 0)
    throw new Error('sigaction failed')
  return action[0] === SIG_IGN
}
