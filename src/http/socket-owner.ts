/**
 * Whose process is at the other end of a loopback connection: Linux tells the user. It is asked for each
 * request (`sock_diag`, 1.5 µs, Bun 1.4.5), so nothing is kept and no later connection inherits an answer.
 * Where a sandbox has no netlink, `/proc/net/tcp` says the same, read as far as a turn allows.
 * Spec: sock_diag(7), proc(5).
 */
import { dlopen, FFIType, type Library } from 'bun:ffi'
import { closeSync, openSync, readSync } from 'node:fs'

/** A loopback address, `127.0.0.1` or `::1`, and a port. */
export type End = { readonly address: string; readonly port: number }

/** The two ends of a connection: the client's, and the server's. */
export type Ends = { readonly peer: End; readonly own: End }

/** Owns a netlink socket, opened when it is first needed. */
export class SocketOwners {
  /** False elsewhere: then nobody can be told apart. */
  readonly areTold = process.platform === 'linux'
  #diag: SocketDiag | undefined

  /** The user id; undefined where the connection is not found, or nobody has it any more. */
  of(ends: Ends): number | undefined {
    this.#diag ??= new SocketDiag(ends.own)
    return this.#diag.works ? this.#diag.ownerOf(ends) : listedOwner(ends)
  }

  close(): void {
    this.#diag?.close()
  }
}

// ---------------------------------------------------------------- netlink

const NETLINK = { family: 16, protocol: 4, type: 2 | 0o2000000 | 0o4000 } // datagrams; not inherited, never waits
const DIAG_BY_FAMILY = 20
const DONT_WAIT = 0x40
const LISTENING = 10
const FAMILIES = { ipv4: 2, ipv6: 10 }
const TCP = 6
const ASKED_BYTES = 72
const ANSWER_BYTES = 4096

const SYMBOLS = {
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  send: { args: [FFIType.i32, FFIType.ptr, FFIType.u32, FFIType.i32], returns: FFIType.i32 },
  recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u32, FFIType.i32], returns: FFIType.i32 },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
} as const
const LIBRARIES = [
  'libc.so.6',
  'libc.so',
  `libc.musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`,
]

type Libc = Library<typeof SYMBOLS>['symbols']
let libc: Libc | undefined

/** Undefined where there is none that we know. One for the process: it is never unloaded. */
function loadLibc(): Libc | undefined {
  for (const name of libc ? [] : LIBRARIES) {
    try {
      libc = dlopen(name, SYMBOLS).symbols
      break
    } catch {
      // ERR_DLOPEN_FAILED: the next name may be right
    }
  }
  return libc
}

type Found = { readonly state: number; readonly user: number; readonly inode: number }

class SocketDiag {
  readonly works: boolean
  readonly #libc = loadLibc()
  readonly #file: number
  readonly #askedBytes = new Uint8Array(ASKED_BYTES)
  readonly #answerBytes = new Uint8Array(ANSWER_BYTES)
  readonly #asked = new DataView(this.#askedBytes.buffer)
  readonly #answer = new DataView(this.#answerBytes.buffer)
  #sequence = 0

  /** Tried with the port that we listen on, which must be there. */
  constructor(own: End) {
    const { family, type, protocol } = NETLINK
    this.#file = this.#libc?.socket(family, type, protocol) ?? -1
    this.works = this.#find({ peer: own, own: { ...own, port: 1 } })?.state === LISTENING
  }

  ownerOf(ends: Ends): number | undefined {
    const found = this.#find(ends)
    // A port that somebody listens on stands in for a connection that is over; what nobody holds any
    // more has no inode, and root for its user.
    return found && found.state !== LISTENING && found.inode !== 0 ? found.user : undefined
  }

  close(): void {
    if (this.#file >= 0) this.#libc?.close(this.#file)
  }

  #find({ peer, own }: Ends): Found | undefined {
    const [file, libc, asked, answer] = [this.#file, this.#libc, this.#asked, this.#answer]
    if (file < 0 || !libc) return undefined
    const sequence = (this.#sequence = (this.#sequence + 1) >>> 0)
    asked.setUint32(0, ASKED_BYTES, true)
    asked.setUint16(4, DIAG_BY_FAMILY, true)
    asked.setUint16(6, 1, true) // a request
    asked.setUint32(8, sequence, true)
    asked.setUint8(16, peer.address.includes(':') ? FAMILIES.ipv6 : FAMILIES.ipv4)
    asked.setUint8(17, TCP)
    asked.setUint32(20, 0xffffffff, true) // in any state
    asked.setUint16(24, peer.port)
    asked.setUint16(26, own.port)
    setAddress(asked, 28, peer.address)
    setAddress(asked, 44, own.address)
    asked.setUint32(64, 0xffffffff, true) // no cookie
    asked.setUint32(68, 0xffffffff, true)
    if (libc.send(file, this.#askedBytes, ASKED_BYTES, 0) !== ASKED_BYTES) return undefined
    // The kernel has answered when `send` returns; an answer that was left behind is passed over.
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
const LISTS = [
  { file: '/proc/net/tcp', isIpv6: false },
  { file: '/proc/net/tcp6', isIpv6: true },
]

function listedOwner(ends: Ends): number | undefined {
  for (const { file, isIpv6 } of LISTS) {
    const owner =
      isIpv6 || !ends.peer.address.includes(':') ? ownerIn(head(file), ends, isIpv6) : undefined
    if (owner !== undefined) return owner
  }
  return undefined
}

/** As much of a list as may be read in a turn; what is further down is not found. */
function head(file: string): string {
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
    // there is no such file, or no descriptor left: nobody is found
  }
  if (descriptor >= 0) closeSync(descriptor)
  return text
}

/** The user of the client's end in the text of `/proc/net/tcp`, or of `tcp6` where `isIpv6`. */
export function ownerIn(list: string, { peer, own }: Ends, isIpv6: boolean): number | undefined {
  const ends = `${listed(peer, isIpv6)} ${listed(own, isIpv6)} `
  const at = list.indexOf(ends)
  if (at === -1) return undefined
  const [, , , , user, , inode] = list.slice(at + ends.length, list.indexOf('\n', at)).split(/ +/)
  return user === undefined || inode === undefined || inode === '0' ? undefined : Number(user)
}

/** Addresses are written as little-endian words, in hex. */
function listed({ address, port }: End, isIpv6: boolean): string {
  const hex = (value: number, digits: number): string =>
    value.toString(16).toUpperCase().padStart(digits, '0')
  if (address.includes(':')) return `00000000000000000000000001000000:${hex(port, 4)}`
  const bytes = address.split('.').map((part) => hex(Number(part), 2))
  const mapped = isIpv6 ? '0000000000000000FFFF0000' : ''
  return `${mapped}${bytes.toReversed().join('')}:${hex(port, 4)}`
}
