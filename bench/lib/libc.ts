/**
 * The system calls that a load makes, without a runtime in between: a socket of the runtime costs the
 * load a copy, an object and a callback for every read. At 1 KiB a delivery took 0.6 to 1.1 µs of the
 * load's own time so, and takes 0.3 to 0.8 now, as at 100 B; another 1 µs is the kernel's and stays
 * (Bun 1.4.5, on a busy machine). Linux on 64 bits, glibc or musl.
 */
import { dlopen, ptr, read, type Pointer } from 'bun:ffi'

const LIBRARIES = ['libc.so.6', `libc.musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`]

const CALLS = {
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  recv: { args: ['i32', 'ptr', 'usize', 'i32'], returns: 'i32' },
  send: { args: ['i32', 'ptr', 'usize', 'i32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  epoll_create1: { args: ['i32'], returns: 'i32' },
  epoll_ctl: { args: ['i32', 'i32', 'i32', 'ptr'], returns: 'i32' },
  syscall: { args: ['i64', 'i32', 'ptr', 'i32', 'ptr', 'ptr', 'usize'], returns: 'i32' },
  clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' },
  __errno_location: { args: [], returns: 'ptr' },
} as const

function open() {
  for (const library of LIBRARIES) {
    try {
      return dlopen(library, CALLS).symbols
    } catch (cause) {
      if (library === LIBRARIES.at(-1)) throw new Error('no C library was found', { cause })
    }
  }
  throw new Error('no C library was found')
}

let opened: ReturnType<typeof open> | undefined

export const libc = (): ReturnType<typeof open> => (opened ??= open())

/** The error number of the last call of this thread that failed. */
export const errno = (): number => read.i32(libc().__errno_location() as Pointer)

const TIMESPEC = 2
/** Bits of a clock id that ask for the time of all threads of a process, by the scheduler's count. */
const CPU_CLOCK = 2

/**
 * CPU seconds that a process has used, user and system, all threads, to the nanosecond: the ticks of
 * `/proc` are 10 ms long. NaN when the process is gone.
 */
export const cpuSecondsOf = (pid: number): number => clock((~pid << 3) | CPU_CLOCK)

const THREAD_CLOCK = 3

/** CPU seconds of the calling thread alone. */
export const cpuSecondsOfThread = (): number => clock(THREAD_CLOCK)

function clock(id: number): number {
  const time = new BigInt64Array(TIMESPEC)
  const failed = libc().clock_gettime(id, ptr(time))
  return failed ? NaN : Number(time[0]) + Number(time[1]) / 1e9
}
