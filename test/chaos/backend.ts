/** Backends of a run: they trigger, again where they were not answered and have a key, and take webhooks. */
import type { NodeProcess } from '../redis/nodes'
import { CHANNELS } from './channels'
import type { Fact } from './journal'
import type { Recorder } from './recorder'

const TIMEOUT_MS = 5000
/** Between two requests of a repeat. */
const PAUSE_MS = 300
/** Repeats that are under way at most. */
const MAX_REPEATS = 40

export type Choose = <Item>(items: readonly Item[]) => Item

type Request = {
  readonly event: string
  /** Where it is accepted for the first time. */
  readonly channels: readonly string[]
  readonly key: string | undefined
  readonly isBatch: boolean
  readonly since: number
}

export class Backend {
  readonly #repeats = new Set<Promise<void>>()
  #isOver = false
  /** What became of requests, by status; 0 where there was no answer. */
  readonly answers = new Map<number, number>()

  constructor(
    readonly recorder: Recorder,
    readonly nodes: readonly NodeProcess[],
  ) {}

  /** Triggers an event; with a key until it is accepted, at any of the nodes, while others are triggered. */
  async trigger(random: () => number, choose: Choose): Promise<void> {
    const { recorder } = this
    const event = `e${recorder.next()}`
    const count = 1 + Math.floor(random() * 3)
    const channels = [...new Set(Array.from({ length: count }, () => choose(CHANNELS)))]
    const key = random() < 0.6 ? event : undefined
    const request = { event, channels, key, isBatch: random() < 0.25, since: recorder.now }
    // An answer that is lost on its way: the repeat publishes nothing.
    const isAgain = key !== undefined && random() < 0.1
    const isAccepted = await this.#send(request, choose(this.nodes))
    if (isAccepted && isAgain)
      await this.#send({ ...request, channels: [] }, choose(this.nodes), channels)
    if (isAccepted || key === undefined || this.#repeats.size >= MAX_REPEATS) return
    const repeating = this.#repeat(request, choose).finally(() => this.#repeats.delete(repeating))
    this.#repeats.add(repeating)
  }

  async #repeat(request: Request, choose: Choose): Promise<void> {
    while (!this.#isOver) {
      await Bun.sleep(PAUSE_MS)
      if (await this.#send(request, choose(this.nodes))) return
    }
  }

  /** Done when nothing is repeated any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#repeats)
  }

  /** True where it was accepted. */
  async #send(request: Request, node: NodeProcess, channels = request.channels): Promise<boolean> {
    const { event, key, isBatch, since } = request
    const common = { name: 'e', data: JSON.stringify({ n: event }) }
    const keyOf = (channel: string) => key && { idempotency_key: `${key}-${channel}` }
    const body = isBatch
      ? { batch: channels.map((channel) => ({ ...common, channel, ...keyOf(channel) })) }
      : { ...common, channels, ...(key && { idempotency_key: key }) }
    const status = await this.#post(node, isBatch ? '/batch_events' : '/events', body)
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1)
    if (status === 200)
      for (const channel of request.channels)
        this.recorder.write({ type: 'accepted', event, channel, since })
    return status === 200
  }

  async #post(node: NodeProcess, path: string, body: object): Promise<number> {
    try {
      const text = JSON.stringify(body)
      const url = `http://127.0.0.1:${node.port}/apps/1${path}`
      const query = node.sdk.createSignedQueryString({
        method: 'POST',
        path: `/apps/1${path}`,
        body: text,
      })
      const headers = { 'content-type': 'application/json' }
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      const options = { method: 'POST', headers, body: text, signal, keepalive: false }
      const answer = await fetch(`${url}?${query}`, options)
      await answer.text()
      return answer.status
    } catch {
      return 0
    }
  }
}

/** Takes webhooks, and writes them down. */
export function receiveWebhooks(recorder: Recorder): Bun.Server<undefined> {
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const body = await request.text()
      const { time_ms: timeMs, events } = JSON.parse(body) as {
        readonly time_ms: number
        readonly events: readonly { name: string; channel: string; user_id?: string }[]
      }
      for (const { name, channel, user_id: user } of events) {
        const fact: Fact = { name, channel, ...(user !== undefined && { user }) }
        recorder.write({ type: 'webhook', body, timeMs, ...fact })
      }
      return new Response()
    },
  })
}
