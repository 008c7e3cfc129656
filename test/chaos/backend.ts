/** Backends of a run: they trigger, again where they were not answered and have a key, and take webhooks. */
import type { NodeProcess } from '../redis/nodes'
import { CHANNELS } from './channels'
import type { Fact } from './journal'
import type { Recorder } from './recorder'

const TIMEOUT_MS = 5000
/** Between two requests of a repeat. */
const PAUSE_MS = 200

export type Choose = <Item>(items: readonly Item[]) => Item

export class Backend {
  /** What became of requests, by status; 0 where there was no answer. */
  readonly answers = new Map<number, number>()

  constructor(
    readonly recorder: Recorder,
    readonly nodes: readonly NodeProcess[],
  ) {}

  /** Triggers an event; with a key until it is accepted, at any of the nodes, or `isOver`. */
  async trigger(random: () => number, choose: Choose, isOver: () => boolean): Promise<void> {
    const { recorder } = this
    const event = `e${recorder.next()}`
    const count = 1 + Math.floor(random() * 3)
    const channels = [...new Set(Array.from({ length: count }, () => choose(CHANNELS)))]
    const key = random() < 0.6 ? event : undefined
    const isBatch = random() < 0.25
    const since = recorder.now
    const common = { name: 'e', data: JSON.stringify({ n: event }) }
    const body = isBatch
      ? {
          batch: channels.map((channel) => ({
            ...common,
            channel,
            ...(key && { idempotency_key: `${key}-${channel}` }),
          })),
        }
      : { ...common, channels, ...(key && { idempotency_key: key }) }
    const path = isBatch ? '/batch_events' : '/events'
    do {
      const status = await this.#post(choose(this.nodes), path, body)
      this.answers.set(status, (this.answers.get(status) ?? 0) + 1)
      if (status === 200) {
        for (const channel of channels) recorder.write({ type: 'accepted', event, channel, since })
        // An answer that was lost on its way: the repeat publishes nothing.
        if (key && random() < 0.1) await this.#post(choose(this.nodes), path, body)
        return
      }
      await Bun.sleep(PAUSE_MS)
    } while (key && !isOver())
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
