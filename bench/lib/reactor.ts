/**
 * Reactor: raw sockets of one load process, read in a loop by `epoll`. All reads go to one buffer,
 * which the reader must be done with before it returns; nothing is allocated per read. While the
 * loop runs nothing else does: no promise, no timer. Urgent sockets are looked at between any few
 * others, so that a probe's latency is not that of the crowd beside it.
 */
import { ptr, type Pointer } from 'bun:ffi'
import { errno, libc } from './libc'

export interface Reader {
  /** Bytes of the last read that make no whole message. */
  rest: Uint8Array | undefined
  /** Looks at `bytes[0, end)`, which begin with the rest. Returns how many are used up. */
  read(bytes: Uint8Array, end: number): number
  /** The other side is gone. */
  onEnd(): void
}

const [AF_INET, SOCK_STREAM, SOCK_CLOEXEC] = [2, 1, 0o2000000]
const [IPPROTO_TCP, TCP_NODELAY] = [6, 1]
const [MSG_DONTWAIT, MSG_NOSIGNAL] = [0x40, 0x4000]
const [EPOLL_CLOEXEC, CTL_ADD, CTL_DEL, EPOLLIN] = [0o2000000, 1, 2, 1]
/** Takes its timeout in nanoseconds; the number is the same on every architecture. */
const SYS_EPOLL_PWAIT2 = 441
const [EINTR, EAGAIN] = [4, 11]

/** `struct epoll_event` in 32-bit words: packed on x86, aligned elsewhere. */
const [EVENT_WORDS, DATA_WORD] = process.arch === 'x64' ? [3, 1] : [4, 2]
const BATCH = 256
/** Reads between two looks at the urgent sockets: some 100 µs. */
const URGENT_EVERY = 32
const BUFFER_BYTES = 1024 * 1024

export class Reactor {
  readonly #libc = libc()
  readonly #buffer = new Uint8Array(BUFFER_BYTES)
  readonly #bufferAt = ptr(this.#buffer)
  readonly #crowd = new Poll()
  readonly #urgent = new Poll()
  readonly #readers: (Reader | undefined)[] = []
  #urgentSockets = 0

  /** Connects and begins to read. Returns the socket. @throws Error when nobody listens */
  connect(host: string, port: number, reader: Reader, urgency?: 'urgent'): number {
    const socket = this.#libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
    if (socket < 0)
      throw new Error(`no socket: error ${errno()}; is the limit of open files reached?`)
    const address = addressOf(host, port)
    if (this.#libc.connect(socket, ptr(address), address.length) !== 0)
      throw new Error(`no connection to ${host}:${port}: error ${errno()}`)
    this.#libc.setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, ptr(Int32Array.of(1)), 4)
    this.#readers[socket] = reader
    if (urgency === 'urgent') this.#urgentSockets++
    this.#pollOf(urgency).add(socket)
    return socket
  }

  /** Leaves what arrives in the kernel: the other side meets a reader that has stalled. */
  stopReading(socket: number): void {
    this.#crowd.remove(socket)
  }

  close(socket: number): void {
    this.#readers[socket] = undefined
    this.#libc.close(socket)
  }

  /** @throws Error when the kernel's buffer has no room */
  send(socket: number, bytes: Uint8Array): void {
    const sent = this.#libc.send(socket, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL)
    if (sent !== bytes.length) throw new Error(`a send was cut short: error ${errno()}`)
  }

  /** Reads what there is; waits so long for the first byte. */
  poll(waitMs: number): void {
    const ready = this.#crowd.wait(
      this.#urgentSockets > 0 ? Math.min(waitMs, URGENT_WAIT_MS) : waitMs,
    )
    for (let index = 0; index < ready; index++) {
      if (this.#urgentSockets > 0 && index % URGENT_EVERY === 0) this.#readUrgent()
      this.#read(this.#crowd.socketAt(index))
    }
    if (this.#urgentSockets > 0) this.#readUrgent()
  }

  #readUrgent(): void {
    const ready = this.#urgent.wait(0)
    for (let index = 0; index < ready; index++) this.#read(this.#urgent.socketAt(index))
  }

  #read(socket: number): void {
    const reader = this.#readers[socket]
    if (reader === undefined) return // closed by a reader earlier in the batch
    const kept = reader.rest?.length ?? 0
    if (reader.rest) this.#buffer.set(reader.rest)
    const at = (this.#bufferAt + kept) as Pointer
    const got = this.#libc.recv(socket, at, BUFFER_BYTES - kept, MSG_DONTWAIT)
    if (got <= 0) return this.#nothing(got, socket, reader)
    const end = kept + got
    const used = reader.read(this.#buffer, end)
    reader.rest = used === end ? undefined : this.#buffer.slice(used, end)
  }

  #nothing(got: number, socket: number, reader: Reader): void {
    if (got < 0 && (errno() === EAGAIN || errno() === EINTR)) return
    this.close(socket)
    reader.onEnd()
  }

  #pollOf(urgency: 'urgent' | undefined): Poll {
    return urgency === 'urgent' ? this.#urgent : this.#crowd
  }
}

/** The crowd's wait must not hide an urgent socket for long. */
const URGENT_WAIT_MS = 0.05

/** One epoll instance and the events of its last wait. */
class Poll {
  readonly #libc = libc()
  readonly #epoll = this.#libc.epoll_create1(EPOLL_CLOEXEC)
  readonly #events = new Int32Array(BATCH * EVENT_WORDS)
  readonly #eventsAt = ptr(this.#events)
  readonly #timeout = new BigInt64Array(2)
  readonly #timeoutAt = ptr(this.#timeout)

  add(socket: number): void {
    const event = new Int32Array(EVENT_WORDS)
    event[0] = EPOLLIN
    event[DATA_WORD] = socket
    if (this.#libc.epoll_ctl(this.#epoll, CTL_ADD, socket, ptr(event)) !== 0)
      throw new Error(`epoll refused a socket: error ${errno()}`)
  }

  remove(socket: number): void {
    this.#libc.epoll_ctl(this.#epoll, CTL_DEL, socket, ptr(new Int32Array(EVENT_WORDS)))
  }

  /** How many sockets have something to read. @throws Error on kernels before 5.11 */
  wait(ms: number): number {
    this.#timeout[1] = BigInt(Math.round(Math.min(ms, 999) * 1e6))
    const ready = this.#libc.syscall(
      SYS_EPOLL_PWAIT2,
      this.#epoll,
      this.#eventsAt,
      BATCH,
      this.#timeoutAt,
      null,
      0,
    )
    if (ready >= 0) return ready
    if (errno() === EINTR) return 0
    throw new Error(`epoll_pwait2 failed with error ${errno()}: the bench needs Linux 5.11`)
  }

  socketAt(index: number): number {
    return this.#events[index * EVENT_WORDS + DATA_WORD]!
  }
}

/** `struct sockaddr_in`. */
function addressOf(host: string, port: number): Uint8Array {
  const address = new Uint8Array(16)
  new DataView(address.buffer).setUint16(0, AF_INET, true)
  new DataView(address.buffer).setUint16(2, port)
  address.set(host.split('.').map(Number), 4)
  return address
}
