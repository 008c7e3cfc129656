/** The C library on Linux, whose functions some files call. */
import { dlopen, type FFIFunction, type Library } from 'bun:ffi'

const NAMES = [
  'libc.so.6',
  'libc.so',
  `libc.musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`,
]

/** Functions of the C library; undefined on other systems, and where no name fits. */
export function loadLibc<Symbols extends Record<string, FFIFunction>>(
  symbols: Symbols,
): Library<Symbols>['symbols'] | undefined {
  if (process.platform !== 'linux') return undefined
  for (const name of NAMES) {
    try {
      return dlopen(name, symbols).symbols
    } catch {
      // ERR_DLOPEN_FAILED: the next name may be right
    }
  }
  return undefined
}
