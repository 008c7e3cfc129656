/** Clients and publishers that know several nodes, and go to the next one when they lose theirs. */
import type Server from 'pusher'
import { waitFor } from '../../harness'
import { APP } from '../processes/takeovers'

/** A member of a presence channel, and what it hears of others. */
export class Member {
  /** Arrivals and departures of others, since `begin`. */
  readonly news: string[] = []
  /** Who was there at each subscription, since `begin`. */
  readonly rosters: (readonly string[])[] = []
  readonly #entered = Promise.withResolvers<void>()
  readonly isIn = waitFor('a member is in', this.#entered.promise)
  #socket!: WebSocket
  #isDone = false

  constructor(
    readonly ports: readonly number[],
    public turn: number,
    readonly channel: string,
    readonly user: string,
    readonly sdk: Server,
  ) {
    this.#connect()
  }

  /** Forgets what was heard until now. */
  begin(): void {
    this.news.length = 0
    this.rosters.length = 0
  }

  leave(): void {
    this.#isDone = true
    this.#socket.close()
  }

  #connect(): void {
    const port = this.ports[this.turn++ % this.ports.length]
    const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${APP.key}?protocol=7`)
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data))))
    socket.addEventListener('close', ({ code }) => {
      if (!this.#isDone) setTimeout(() => this.#connect(), code === 4200 ? 0 : 20)
    })
  }

  #receive({ event, data }: { readonly event: string; readonly data: string }): void {
    const { channel, user } = this
    switch (event) {
      case 'pusher:connection_established': {
        const { socket_id: socketId } = JSON.parse(data) as { socket_id: string }
        const signed = this.sdk.authorizeChannel(socketId, channel, { user_id: user })
        const asked = { event: 'pusher:subscribe', data: { channel, ...signed } }
        return this.#socket.send(JSON.stringify(asked))
      }
      case 'pusher_internal:subscription_succeeded': {
        const { presence } = JSON.parse(data) as { presence: { ids: readonly string[] } }
        this.rosters.push(presence.ids.toSorted())
        return this.#entered.resolve()
      }
      case 'pusher:ping':
        return this.#socket.send('{"event":"pusher:pong"}')
      case 'pusher_internal:member_added':
      case 'pusher_internal:member_removed':
        this.news.push(`${event} ${data}`)
    }
  }
}

const PUBLISHERS = 3
/** Of one event. */
const MAX_TRIES = 50

/** Publishers that repeat what a node does not accept to the next one, with the same key. */
export class Publishers {
  readonly accepted: number[] = []
  readonly failures: unknown[] = []
  /** Requests that were none of the first try. */
  repeats = 0
  #last = 0
  #isOver = false
  readonly #running: Promise<void>[]

  constructor(readonly sdks: readonly Server[]) {
    this.#running = Array.from({ length: PUBLISHERS }, (_, index) => this.#run(index))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
  }

  async #run(index: number): Promise<void> {
    let turn = index
    while (!this.#isOver) {
      const n = ++this.#last
      let failure: unknown
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const sdk = this.sdks[turn % this.sdks.length]!
        const key = { idempotency_key: `event-${n}` } as never
        failure = await sdk.trigger('room', 'e', { n }, key).then(
          () => undefined,
          (cause: unknown) => cause ?? 'failed',
        )
        if (failure === undefined) break
        this.repeats++
        turn++
        await Bun.sleep(10)
      }
      if (failure === undefined) this.accepted.push(n)
      else this.failures.push(failure)
      await Bun.sleep(10)
    }
  }
}
