/**
 * Steering: the system gives new connections of a port that two processes share to the newer one alone, so that the
 * older one can accept all that waits before it stops listening. By a program of the socket (SO_ATTACH_REUSEPORT_CBPF),
 * on Linux. Spec: socket(7), tcp(7).
 */
import { dlopen, FFIType, ptr } from 'bun:ffi'
import { readdirSync } from 'node:fs'

const SOCKET = { level: 1, accepts: 30, steer: 51 }
const TCP = { level: 6, info: 11, waiting: 24 }
const ADDRESS_BYTES = 128
/** Returns a constant. */
const RETURN = 0x06
/** The newer of two that share a port. Where there is none the system chooses as it does without a program. */
const NEWER = 1

const SYMBOLS = {
  getsockopt: {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr],
    returns: FFIType.i32,
  },
  setsockopt: {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32],
    returns: FFIType.i32,
  },
  getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
} as const
const LIBRARIES = [
  'libc.so.6',
  'libc.so',
  `libc.musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`,
]

function loadLibc() {
  if (process.platform !== 'linux') return undefined
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, SYMBOLS).symbols
    } catch {
      // ERR_DLOPEN_FAILED: the next name may be right
    }
  }
  return undefined
}

type Libc = NonNullable<ReturnType<typeof loadLibc>>

/** The descriptors of this process that listen on one of the ports. */
function listenersOn(libc: Libc, ports: readonly number[]): number[] {
  const [value, length, address] = [
    new Int32Array(1),
    new Uint32Array(1),
    new Uint8Array(ADDRESS_BYTES),
  ]
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((file) => {
      length[0] = value.byteLength
      if (libc.getsockopt(file, SOCKET.level, SOCKET.accepts, ptr(value), ptr(length)) !== 0)
        return false
      length[0] = ADDRESS_BYTES
      if (value[0] !== 1 || libc.getsockname(file, ptr(address), ptr(length)) !== 0) return false
      return ports.includes((address[2]! << 8) | address[3]!)
    })
}

/** Gives new connections to this process, the newer one. False where the system cannot. */
export function steerHere(ports: readonly number[]): boolean {
  const libc = loadLibc()
  if (!libc) return false
  const step = new Uint8Array(8)
  const program = new Uint8Array(16)
  new DataView(step.buffer).setUint16(0, RETURN, true)
  new DataView(step.buffer).setUint32(4, NEWER, true)
  new DataView(program.buffer).setUint16(0, 1, true) // steps
  new DataView(program.buffer).setBigUint64(8, BigInt(ptr(step)), true)
  const files = listenersOn(libc, ports)
  const steer = (file: number): boolean =>
    libc.setsockopt(file, SOCKET.level, SOCKET.steer, ptr(program), program.byteLength) === 0
  return files.length > 0 && files.every(steer)
}

/** Connections that this process has not accepted yet; 0 where the system does not say. */
export function countWaiting(ports: readonly number[]): number {
  const libc = loadLibc()
  if (!libc) return 0
  const [info, length] = [new Uint8Array(256), new Uint32Array(1)]
  return listenersOn(libc, ports).reduce((sum, file) => {
    length[0] = info.byteLength
    if (libc.getsockopt(file, TCP.level, TCP.info, ptr(info), ptr(length)) !== 0) return sum
    return sum + new DataView(info.buffer).getUint32(TCP.waiting, true)
  }, 0)
}
