/**
 * The publisher of the move: a backend with the stock `pusher` SDK, which publishes to each channel in turn, one
 * event at a time, to the servers that it is told to.
 */
import Pusher from 'pusher'
import { EVENT, type Published, type Tick } from './move-page'
import { HOST, type App } from './sides'

/** Between two events. */
const PAUSE_MS = 2

export class MovePublisher implements Published {
  /** Events that no server took, and those that one of two did not take. */
  failed = 0
  failedAtOne = 0
  readonly #times: ReadonlyMap<string, number[]>
  #servers: readonly Pusher[] = []
  #isOver = false
  #busy: Promise<void> = Promise.resolve()
  /** Over once the event is that was under way when the servers were changed. */
  #turn: Promise<void> = Promise.resolve()

  constructor(
    readonly app: App,
    readonly channels: readonly string[],
  ) {
    this.#times = new Map(channels.map((name) => [name, []]))
  }

  /**
   * Publishes from now on to the servers at these ports: to the first, and once that has it to the next.
   * Resolves when nothing is under way to those of before, with the last numbers that these have got.
   */
  async turnTo(...ports: readonly number[]): Promise<ReadonlyMap<string, number>> {
    const last = new Map(this.channels.map((name) => [name, this.lastOf(name)]))
    this.#servers = ports.map(
      (port) =>
        new Pusher({
          appId: this.app.id,
          key: this.app.key,
          secret: this.app.secret,
          host: HOST,
          port: String(port),
          useTLS: false,
        }),
    )
    await this.#turn
    return last
  }

  begin(): void {
    this.#busy = this.#run()
  }

  /** Says one last number on each channel, so that nobody misses the end unseen. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#busy
    for (const channel of this.channels) await this.#publish(channel)
  }

  lastOf(channel: string): number {
    return this.#times.get(channel)!.length
  }

  timeOf(channel: string, number: number): number {
    return this.#times.get(channel)![number - 1]!
  }

  get count(): number {
    return [...this.#times.values()].reduce((sum, { length }) => sum + length, 0)
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      this.#turn = this.#publish(this.channels[turn % this.channels.length]!)
      await this.#turn
      await Bun.sleep(PAUSE_MS)
    }
  }

  async #publish(channel: string): Promise<void> {
    const times = this.#times.get(channel)!
    times.push(performance.now())
    const tick: Tick = { number: times.length }
    let taken = 0
    const servers = this.#servers
    for (const server of servers)
      try {
        await server.trigger(channel, EVENT, tick)
        taken++
      } catch {
        this.failedAtOne++ // an HTTP or network error of the SDK: the server leaves
      }
    if (taken > 0) return
    this.failed++
    this.failedAtOne -= servers.length
  }
}
