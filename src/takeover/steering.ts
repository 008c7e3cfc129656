/**
 * Steering: the system gives new connections of a port that processes share to all but one, so that this one can accept
 * all that waits before it stops listening: to the newer one of two, or to the other workers. By a program of the socket
 * (SO_ATTACH_REUSEPORT_CBPF), on Linux. Spec: socket(7), tcp(7); `linux/filter.h`.
 */
import { FFIType, ptr } from 'bun:ffi'
import { readdirSync } from 'node:fs'
import { loadLibc } from '../libc'

const SOCKET = { level: 1, accepts: 30, steer: 51, steerNot: 68 }
const TCP = { level: 6, info: 11, waiting: 24 }
const ADDRESS_BYTES = 128
/** Steps of a program. It returns the place of a socket; where there is none, the system chooses as it does else. */
const STEPS = {
  returnConstant: 0x06,
  load: 0x20,
  modulo: 0x94,
  jumpIfLeast: 0x35,
  add: 0x04,
  returnResult: 0x16,
} as const
/** What `load` takes for a random number: SKF_AD_OFF + SKF_AD_RANDOM. */
const RANDOM = 0xff_ff_f0_38
/** The newer of two that share a port. */
const NEWER = 1
const STEP_BYTES = 8

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

type Libc = NonNullable<ReturnType<typeof loadLibc<typeof SYMBOLS>>>

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

/** Where a socket is among those that share its port, in the order of the system, and how many these are. */
export type Rank = {
  readonly index: number
  readonly count: number
  /** The place of the one that is to get new connections; each of the others as many, if absent. */
  readonly to?: number | undefined
}

/** Connections that are to go to another of these processes: which part of all that this one has, and its place. */
export type Move = { readonly share: number; readonly to: number }

/** A step, its number, and how many steps a jump skips where its condition is false. */
type Step = readonly [step: number, value: number, orSkip?: number]

/** Gives new connections to one of those that share the ports. False where the system cannot. */
export const steerTo = (ports: readonly number[], index: number): boolean =>
  steer(ports, [[STEPS.returnConstant, index]])

/** Gives new connections to this process, the newer one. False where the system cannot. */
export const steerHere = (ports: readonly number[]): boolean => steerTo(ports, NEWER)

/** Gives new connections to others that share the ports. False where the system cannot. */
export const steerAway = (ports: readonly number[], { index, count, to }: Rank): boolean =>
  to === undefined
    ? steer(ports, [
        [STEPS.load, RANDOM],
        [STEPS.modulo, count - 1],
        [STEPS.jumpIfLeast, index, 1],
        [STEPS.add, 1],
        [STEPS.returnResult, 0],
      ])
    : steerTo(ports, to)

/** Has the system choose by itself among all that share the ports. */
export function steerNowhere(ports: readonly number[]): void {
  const libc = loadLibc(SYMBOLS)
  const nothing = new Int32Array(1)
  for (const file of libc ? listenersOn(libc, ports) : [])
    libc?.setsockopt(file, SOCKET.level, SOCKET.steerNot, ptr(nothing), nothing.byteLength)
}

function steer(ports: readonly number[], steps: readonly Step[]): boolean {
  const libc = loadLibc(SYMBOLS)
  if (!libc) return false
  const code = new Uint8Array(steps.length * STEP_BYTES)
  const view = new DataView(code.buffer)
  for (const [at, [step, value, orSkip = 0]] of steps.entries()) {
    view.setUint16(at * STEP_BYTES, step, true)
    view.setUint8(at * STEP_BYTES + 3, orSkip)
    view.setUint32(at * STEP_BYTES + 4, value, true)
  }
  const program = new Uint8Array(16)
  new DataView(program.buffer).setUint16(0, steps.length, true)
  new DataView(program.buffer).setBigUint64(8, BigInt(ptr(code)), true)
  const files = listenersOn(libc, ports)
  const attach = (file: number): boolean =>
    libc.setsockopt(file, SOCKET.level, SOCKET.steer, ptr(program), program.byteLength) === 0
  return files.length > 0 && files.every(attach)
}

/** Connections that this process has not accepted yet; 0 where the system does not say. */
export function countWaiting(ports: readonly number[]): number {
  const libc = loadLibc(SYMBOLS)
  if (!libc) return 0
  const [info, length] = [new Uint8Array(256), new Uint32Array(1)]
  return listenersOn(libc, ports).reduce((sum, file) => {
    length[0] = info.byteLength
    if (libc.getsockopt(file, TCP.level, TCP.info, ptr(info), ptr(length)) !== 0) return sum
    return sum + new DataView(info.buffer).getUint32(TCP.waiting, true)
  }, 0)
}
