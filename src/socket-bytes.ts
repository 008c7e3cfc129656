/**
 * SocketBytes: how many bytes the sockets of clients have received, by TCP_INFO, on Linux since 4.1. The runtime
 * shows no descriptors, so all of the process that are not known are looked through every few seconds, by the port
 * at the other end (0.9 µs each, Bun 1.4.5; 1.4 µs for a look at one that is). Where the system does not say,
 * nothing is known of any socket.
 * Spec: tcp(7), getpeername(2); `linux/tcp.h`.
 */
import { FFIType } from 'bun:ffi'
import { readFileSync } from 'node:fs'
import type { MeteredSocket, SocketMeter } from './core/intake'
import { groupsIn } from './core/networks'
import type { Slices } from './core/slices'
import { loadLibc } from './libc'

const TCP_INFO = { level: 6, name: 11, received: 128, bytes: 136 }
const COUNT_UNREAD = 0x541b
const ADDRESS = { bytes: 28, family: 0, port: 2, ipv4: 4, ipv6: 8 }
const FAMILIES = { ipv4: 2, ipv6: 10 }
const PORTS = 65_536
const NONE = -1
const FILES_PER_STEP = 32

/** Headers of a frame, which are longer for a large one, and of its record where there is TLS. */
const OVERHEAD = { plain: 8, tls: 8 + 29 }

const SYMBOLS = {
  getsockopt: {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr],
    returns: FFIType.i32,
  },
  getpeername: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
} as const

type Peer = Parameters<SocketMeter['of']>[0]

/** Descriptors of sockets by the port at the other end: of each port one, and of each the next. */
type Found = { readonly heads: Int32Array; next: Int32Array }

const newFound = (ports = PORTS): Found => ({
  heads: new Int32Array(ports),
  next: new Int32Array(0),
})

/** Owns what is known of the descriptors of the process. */
export class SocketBytes implements SocketMeter {
  readonly #libc = loadLibc(SYMBOLS)
  readonly #info = new Uint32Array(TCP_INFO.bytes / 4)
  readonly #address = new Uint8Array(ADDRESS.bytes)
  readonly #length = new Uint32Array(1)
  readonly #unread = new Int32Array(1)
  // Half a megabyte, made for the first search.
  #found = newFound(0)
  #spare = newFound(0)
  /** 1 for a descriptor whose socket is known and open. */
  #taken = new Uint8Array(0)
  #isLooking = false

  constructor(readonly slices: Slices) {}

  /** The socket of a client; undefined where none is ever known. */
  of({ address, port }: Peer, isEncrypted: boolean): MeteredSocket | undefined {
    if (!this.#libc || port === 0) return undefined
    return new TcpSocket(this, address, port, isEncrypted ? OVERHEAD.tls : OVERHEAD.plain)
  }

  refresh(done: () => void): void {
    if (!this.#libc) return done()
    if (this.#isLooking) return
    this.#isLooking = true
    const files = countFiles()
    if (files > this.#taken.length) {
      const taken = new Uint8Array(files)
      taken.set(this.#taken)
      this.#taken = taken
    }
    const found = this.#spare.heads.length > 0 ? this.#spare : newFound()
    found.heads.fill(NONE)
    if (files > found.next.length) found.next = new Int32Array(files)
    let file = 0
    const step = (): boolean => {
      for (const end = Math.min(file + FILES_PER_STEP, files); file < end; file++)
        if (this.#taken[file] === 0) this.#note(found, file)
      if (file < files) return true
      this.#spare = this.#found
      this.#found = found
      this.#isLooking = false
      done()
      return false
    }
    this.slices.add({ part: 'sockets', step })
  }

  #note({ heads, next }: Found, file: number): void {
    const port = this.#portOf(file)
    if (port === 0) return
    next[file] = heads[port]!
    heads[port] = file
  }

  /** Takes the descriptor of a socket, until `release`. */
  take(address: string, port: number): number {
    const { heads, next } = this.#found
    for (let file = heads[port] ?? NONE; file !== NONE; file = next[file]!) {
      if (this.#taken[file] !== 0 || !this.is(file, address, port)) continue
      this.#taken[file] = 1
      return file
    }
    return NONE
  }

  release(file: number): void {
    this.#taken[file] = 0
  }

  /** True where the descriptor is that of the socket to this peer. */
  is(file: number, address: string, port: number): boolean {
    return this.#portOf(file) === port && this.#hasAddress(address)
  }

  received(file: number): number | undefined {
    this.#length[0] = TCP_INFO.bytes
    const { level, name, bytes } = TCP_INFO
    const failed = this.#libc?.getsockopt(file, level, name, this.#info, this.#length)
    if (failed !== 0 || this.#length[0] !== bytes) return undefined
    const low = TCP_INFO.received / 4
    return this.#info[low]! + this.#info[low + 1]! * 2 ** 32
  }

  unread(file: number): number | undefined {
    return this.#libc?.ioctl(file, COUNT_UNREAD, this.#unread) === 0 ? this.#unread[0] : undefined
  }

  /** The port at the other end; 0 for what is no such socket. Leaves the address for `#hasAddress`. */
  #portOf(file: number): number {
    this.#length[0] = ADDRESS.bytes
    const address = this.#address
    if (this.#libc?.getpeername(file, address, this.#length) !== 0) return 0
    const family = address[ADDRESS.family]
    if (family !== FAMILIES.ipv4 && family !== FAMILIES.ipv6) return 0
    return (address[ADDRESS.port]! << 8) | address[ADDRESS.port + 1]!
  }

  #hasAddress(wanted: string): boolean {
    const isIpv4 = !wanted.includes(':')
    if (this.#address[ADDRESS.family] === FAMILIES.ipv4)
      return isIpv4 && this.#address.subarray(ADDRESS.ipv4, ADDRESS.ipv4 + 4).join('.') === wanted
    const groups = new DataView(this.#address.buffer, ADDRESS.ipv6)
    const found = Array.from({ length: 8 }, (_, at) => groups.getUint16(2 * at).toString(16))
    // IPv4 clients may use sockets of IPv6.
    return groupsIn(isIpv4 ? `::ffff:${wanted}` : wanted, 0, 8) === found.join(':')
  }
}

class TcpSocket implements MeteredSocket {
  #file = NONE

  constructor(
    readonly all: SocketBytes,
    readonly address: string,
    readonly port: number,
    readonly overhead: number,
  ) {}

  received(): number | undefined {
    if (this.#file === NONE) this.#file = this.all.take(this.address, this.port)
    return this.#file === NONE ? undefined : this.all.received(this.#file)
  }

  unread(): number | undefined {
    return this.all.is(this.#file, this.address, this.port)
      ? this.all.unread(this.#file)
      : undefined
  }

  release(): void {
    if (this.#file !== NONE) this.all.release(this.#file)
    this.#file = NONE
  }
}

/** One more than the highest descriptor of the process at most; 0 where the system does not say. */
function countFiles(): number {
  try {
    return Number(/^FDSize:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // no /proc, or no descriptor is left
  }
}
