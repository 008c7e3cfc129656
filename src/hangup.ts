/**
 * Whether a hang-up (the terminal is closed) is this process's to notice: who starts it with `nohup`
 * ignores the signal for it, and a listener would undo that.
 */
import { dlopen, FFIType } from 'bun:ffi'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** What was so at the start: asked before anything listens. Where it cannot be told, true. */
export function ignoresHangups(): boolean {
  const ask = HOW[process.platform]
  try {
    return ask === undefined || ask()
  } catch {
    return true // no /proc, or no foreign functions: things stay as they are
  }
}

const HOW: { readonly [Platform in NodeJS.Platform]?: () => boolean } = {
  linux: () => ignoredIn(readFileSync('/proc/self/status', 'utf8')),
  darwin: () => isIgnored('libSystem.B.dylib'),
}

/** `SigIgn` has a bit for each signal, the lowest is signal 1. Spec: proc_pid_status(5). */
export function ignoredIn(status: string): boolean {
  const [, mask] = /^SigIgn:\s*([\da-f]+)$/m.exec(status) ?? []
  if (mask === undefined) throw new Error('no SigIgn')
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGHUP - 1)) & 1n) === 1n
}

const SIG_IGN = 1n
/** More than any system's `struct sigaction`, which begins with the handler. */
const ACTION_WORDS = 32

/** By the C library, as sigaction(2) tells what is so. */
export function isIgnored(library: string): boolean {
  const { symbols } = dlopen(library, {
    sigaction: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  })
  const action = new BigUint64Array(ACTION_WORDS)
  if (symbols.sigaction(constants.signals.SIGHUP, null, action) !== 0) throw new Error('not told')
  return action[0] === SIG_IGN
}
