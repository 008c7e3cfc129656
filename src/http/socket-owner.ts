/**
 * SocketOwners: the user whose process is at the other end of a loopback connection. Linux is queried for
 * each request (`sock_diag`, 1.5 µs, Bun 1.4.5), so nothing is kept and no later connection inherits an
 * answer. Where a sandbox has no netlink, `/proc/net/tcp` is read, as far as a turn allows.
 * Spec: sock_diag(7), proc(5).
 */
import { FFIType } from 'bun:ffi'
import { closeSync, lstatSync, openSync, readSync } from 'node:fs'
import { loadLibc } from '../libc'

/** A loopback address, `127.0.0.1` or `::1`, and a port. */
export type Endpoint = { readonly address: string; readonly port: number }

/** The two ends of a connection: the client's, and the server's. */
export type Endpoints = { readonly peer: Endpoint; readonly own: Endpoint }

/** A user id; `unsupported` where the system reports none. */
export type SocketOwner = number | 'unknown' | 'unsupported'

/** Owns a netlink socket, opened when it is first needed. */
export class SocketOwners {
  #diag: SocketDiag | undefined

  /** The client's user id; unknown where the connection is not found or has no owner any more. */
  of(endpoints: Endpoints): SocketOwner {
    if (process.platform !== 'linux') return 'unsupported'
    this.#diag ??= new SocketDiag(endpoints.own)
    return (this.#diag.works ? this.#diag.ownerOf(endpoints) : ownerInProc(endpoints)) ?? 'unknown'
  }

  close(): void {
    this.#diag?.close()
  }
}

/**
 * Who may connect to a unix socket, besides root: its owner, while its mode lets nobody else; an access list
 * shows in the mode, too. Unknown where others may, or the file is gone.
 */
export function ownerOfSocket(path: string): SocketOwner {
  const file = lstatSync(path, { throwIfNoEntry: false })
  return file?.isSocket() && (file.mode & 0o077) === 0 ? file.uid : 'unknown'
}

// ---------------------------------------------------------------- netlink

const NETLINK = { family: 16, protocol: 4, type: 2 | 0o2000000 | 0o4000 } // datagrams; not inherited, never waits
const DIAG_BY_FAMILY = 20
const DONT_WAIT = 0x40
const LISTENING = 10
const FAMILIES = { ipv4: 2, ipv6: 10 }
const TCP = 6
const REQUEST_BYTES = 72
const ANSWER_BYTES = 4096

const SYMBOLS = {
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  send: { args: [FFIType.i32, FFIType.ptr, FFIType.u32, FFIType.i32], returns: FFIType.i32 },
  recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u32, FFIType.i32], returns: FFIType.i32 },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
} as const

let libc: ReturnType<typeof loadLibc<typeof SYMBOLS>>

class SocketDiag {
  readonly works: boolean
  readonly #libc = (libc ??= loadLibc(SYMBOLS))
  readonly #file: number
  readonly #requestBytes = new Uint8Array(REQUEST_BYTES)
  readonly #answerBytes = new Uint8Array(ANSWER_BYTES)
  readonly #request = new DataView(this.#requestBytes.buffer)
  readonly #answer = new DataView(this.#answerBytes.buffer)
  #sequence = 0

  /** Tries to find the port that we listen on, which must be there. */
  constructor(own: Endpoint) {
    const { family, type, protocol } = NETLINK
    this.#file = this.#libc?.socket(family, type, protocol) ?? -1
    this.works = this.#find({ peer: own, own: { ...own, port: 1 } })?.state === LISTENING
  }

  ownerOf(ends: Endpoints): number | undefined {
    const found = this.#find(ends)
    // For a connection that is over, the kernel shows the listening port; a socket that nobody holds any
    // more has no inode, and root for its user.
    return found && found.state !== LISTENING && found.inode !== 0 ? found.user : undefined
  }

  close(): void {
    if (this.#file >= 0) this.#libc?.close(this.#file)
  }

  #find({ peer, own }: Endpoints) {
    const [file, libc, request, answer] = [this.#file, this.#libc, this.#request, this.#answer]
    if (file < 0 || !libc) return undefined
    const sequence = (this.#sequence = (this.#sequence + 1) >>> 0)
    request.setUint32(0, REQUEST_BYTES, true)
    request.setUint16(4, DIAG_BY_FAMILY, true)
    request.setUint16(6, 1, true) // a request
    request.setUint32(8, sequence, true)
    request.setUint8(16, peer.address.includes(':') ? FAMILIES.ipv6 : FAMILIES.ipv4)
    request.setUint8(17, TCP)
    request.setUint32(20, 0xffffffff, true) // in any state
    request.setUint16(24, peer.port)
    request.setUint16(26, own.port)
    setAddress(request, 28, peer.address)
    setAddress(request, 44, own.address)
    request.setUint32(64, 0xffffffff, true) // no cookie
    request.setUint32(68, 0xffffffff, true)
    if (libc.send(file, this.#requestBytes, REQUEST_BYTES, 0) !== REQUEST_BYTES) return undefined
    // The kernel has answered when `send` returns; older answers are skipped.
    while (libc.recv(file, this.#answerBytes, ANSWER_BYTES, DONT_WAIT) >= 16)
      if (answer.getUint32(8, true) === sequence)
        return answer.getUint16(4, true) === DIAG_BY_FAMILY
          ? {
              state: answer.getUint8(17),
              user: answer.getUint32(80, true),
              inode: answer.getUint32(84, true),
            }
          : undefined
    return undefined
  }
}

function setAddress(view: DataView, at: number, address: string): void {
  view.setBigUint64(at, 0n)
  view.setBigUint64(at + 8, address.includes(':') ? 1n : 0n) // the only loopback address of IPv6
  if (address.includes(':')) return
  for (const [index, part] of address.split('.').entries()) view.setUint8(at + index, Number(part))
}

// ---------------------------------------------------------------- /proc

/** Each read brings a page, and takes 34 µs: 100 of them are about 2700 connections. */
const MAX_READS = 100
const PAGE_BYTES = 4096

/** IPv4 clients may use sockets of IPv6. */
function ownerInProc(ends: Endpoints): number | undefined {
  const isIpv6 = ends.peer.address.includes(':')
  const owner = isIpv6 ? undefined : ownerIn(readHead('/proc/net/tcp'), ends, false)
  return owner ?? ownerIn(readHead('/proc/net/tcp6'), ends, true)
}

/** Reads as much of a list as a turn allows; what is further down is not found. */
function readHead(file: string): string {
  const page = Buffer.alloc(PAGE_BYTES)
  let [text, descriptor] = ['', -1]
  try {
    descriptor = openSync(file, 'r')
    for (let reads = 0; reads < MAX_READS; reads++) {
      const bytes = readSync(descriptor, page)
      if (bytes === 0) break
      text += page.toString('latin1', 0, bytes)
    }
  } catch {
    // ENOENT, or EMFILE: no owner is found
  }
  if (descriptor >= 0) closeSync(descriptor)
  return text
}

/** The user of the client's end in the text of `/proc/net/tcp`, or of `tcp6` where `isIpv6`. */
export function ownerIn(
  list: string,
  { peer, own }: Endpoints,
  isIpv6: boolean,
): number | undefined {
  const ends = `${procAddress(peer, isIpv6)} ${procAddress(own, isIpv6)} `
  const at = list.indexOf(ends)
  if (at === -1) return undefined
  const [, , , , user, , inode] = list.slice(at + ends.length, list.indexOf('\n', at)).split(/ +/)
  return user === undefined || inode === undefined || inode === '0' ? undefined : Number(user)
}

/** Addresses are written as little-endian words, in hex. */
function procAddress({ address, port }: Endpoint, isIpv6: boolean): string {
  const hex = (value: number, digits: number): string =>
    value.toString(16).toUpperCase().padStart(digits, '0')
  if (address.includes(':')) return `00000000000000000000000001000000:${hex(port, 4)}`
  const bytes = address.split('.').map((part) => hex(Number(part), 2))
  const mapped = isIpv6 ? '0000000000000000FFFF0000' : ''
  return `${mapped}${bytes.toReversed().join('')}:${hex(port, 4)}`
}
