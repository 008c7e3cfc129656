/**
 * PublicListeners: the servers behind the public port. One, until its certificate changes: the runtime takes another
 * one only from a server of its own, so a second one listens at the same address, and the first keeps its sockets until
 * they end. Their topics are apart, so frames for a topic go to both. There are never more than two: before a third
 * comes, those of the first are asked to reconnect.
 */
import type { Server } from 'bun'
import type { Frame, Sink, Topics } from './core/types'
import type { Client } from './protocols/codec'

export type PublicServer = Server<Client>

type Address = NonNullable<ReturnType<PublicServer['requestIP']>>

export class PublicListeners implements Topics {
  #newest: PublicServer | undefined
  #older: PublicServer | undefined
  /** The sinks of the newest, where there is an older one. */
  #newer: WeakSet<Sink> | undefined

  /** Of the address, which stays. */
  #port = 0

  /** Begins: the server is the only one. */
  open(server: PublicServer): void {
    this.#newest = server
    this.#port = server.port ?? 0
  }

  /** The server that was the newest stops listening, and keeps its sockets. */
  replace(server: PublicServer): void {
    this.#older = this.#newest
    this.#newest = server
    this.#newer = new WeakSet()
    void this.#older?.stop(false)
  }

  /** Called for each socket that opens, where there is an older server. */
  note(server: PublicServer | undefined, sink: Sink): void {
    if (server === this.#newest) this.#newer?.add(sink)
  }

  /** True where sockets of the server before the newest are left. */
  get hasOlder(): boolean {
    if (this.#older && this.#older.pendingWebSockets === 0) this.#forgetOlder()
    return this.#older !== undefined
  }

  /** True for a socket of the server before the newest. */
  isOlder(sink: Sink): boolean {
    return this.#newer !== undefined && !sink.queued && !this.#newer.has(sink)
  }

  /** Ends what is left of the server before the newest. */
  endOlder(): void {
    void this.#older?.stop(true)
    this.#forgetOlder()
  }

  #forgetOlder(): void {
    this.#older = undefined
    this.#newer = undefined
  }

  publish(topic: string, frame: Frame): number {
    const sent = this.#newest!.publish(topic, frame)
    return this.#older ? sumOf(sent, this.#older.publish(topic, frame)) : sent
  }

  publishFrom(sink: Sink, topic: string, frame: Frame): number {
    const sent = sink.publish(topic, frame)
    if (!this.#older || sink.queued) return sent
    const other = this.isOlder(sink) ? this.#newest! : this.#older
    return sumOf(sent, other.publish(topic, frame))
  }

  // What is asked of a server that listens; any of them answers for requests of each.

  get port(): number {
    return this.#port
  }

  get pendingRequests(): number {
    return (this.#newest?.pendingRequests ?? 0) + (this.#older?.pendingRequests ?? 0)
  }

  requestIP(request: Request): Address | null {
    return this.#newest?.requestIP(request) ?? null
  }

  timeout(request: Request, seconds: number): void {
    this.#newest?.timeout(request, seconds)
  }

  stop(atOnce: boolean): Promise<unknown> {
    return Promise.all([this.#newest?.stop(atOnce), this.#older?.stop(atOnce)])
  }
}

/** Negative or 0 where one of the servers says so of subscribers that it has: one that has none answers 0. */
const sumOf = (one: number, other: number): number =>
  one < 0 || other < 0 ? Math.min(one, other) : one + other
