/** An application that takes webhooks, as the stock server library verifies them. */
import { expect } from 'bun:test'
import type Server from 'pusher'
import type { Fact } from '../../src/core/messages'
import { Inbox, start, waitUntil, type StartOptions, type TestServer } from '../harness'

export { waitUntil }

export type Received = {
  readonly path: string
  readonly headers: Headers
  readonly body: string
  /** As `name channel`, and `user_id` where there is one. */
  readonly events: readonly string[]
  readonly timeMs: number
}

type Answer = (received: Received) => Response | number | Promise<Response | number>

/** A receiver answers 200 unless `answer` is set. */
export class Receiver {
  readonly requests = new Inbox<Received>()
  answer: Answer = () => 200
  readonly #server: Bun.Server<undefined>

  constructor(tls?: Bun.TLSOptions) {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      ...(tls && { tls }),
      fetch: (request) => this.#take(request),
    })
  }

  get url(): string {
    return `${this.#server.protocol}://127.0.0.1:${this.#server.port}/hook`
  }

  /** The next request, which must be one that the stock library takes. */
  async next(sdk: Server): Promise<Received> {
    const received = await this.requests.next('a webhook')
    const headers = Object.fromEntries(received.headers) as Record<string, string>
    if (!sdk.webhook({ headers, rawBody: received.body }).isValid())
      throw new Error(`not valid: ${received.body}`)
    return received
  }

  /** The next events, at least so many. */
  async events(sdk: Server, count = 1): Promise<string[]> {
    const events: string[] = []
    while (events.length < count) events.push(...(await this.next(sdk)).events)
    return events
  }

  async #take(request: Request): Promise<Response> {
    const body = await request.text()
    const { time_ms: timeMs, events } = JSON.parse(body)
    const received = {
      path: new URL(request.url).pathname,
      headers: request.headers,
      body,
      events: events.map(formatEvent),
      timeMs,
    }
    this.requests.push(received)
    const answer = await this.answer(received)
    return typeof answer === 'number' ? new Response('', { status: answer }) : answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }
}

type BodyEvent = { name: string; channel: string; user_id?: string }
const formatEvent = ({ name, channel, user_id }: BodyEvent): string =>
  user_id === undefined ? `${name} ${channel}` : `${name} ${channel} ${user_id}`

/** Starts a server whose app has these endpoints; events are written and sent at once. */
export function startWithWebhooks(
  webhooks: readonly ({ readonly url: string } & Record<string, unknown>)[],
  { config, ...options }: StartOptions = {},
): Promise<TestServer> {
  return start({
    ...options,
    config: { webhooks, webhookFlushMs: 0, webhookSettleMs: 3000, ...config },
  })
}

/** Waits until all requests but `hanging` are answered, and expects that no fault was counted. */
export async function waitUntilSettled(server: TestServer, hanging = 0): Promise<void> {
  await waitUntil('the requests are answered', () => {
    const { webhookRequests, webhookRequestsAccepted, webhookRequestsFailed } = server.totals
    return webhookRequests - webhookRequestsAccepted - webhookRequestsFailed <= hanging
  })
  expect(server.core.counters.faults).toBe(0)
}

/** Reads the report of deliveries of the development app. */
export async function readDeliveries(server: TestServer) {
  return (await (await server.admin('/api/admin/apps/test-app/webhooks/deliveries')).json()).data
}

/** Moves time in steps, each once every request has been answered. */
export async function passTime(server: TestServer, ms: number, stepMs = 1000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    server.advance(stepMs)
    await waitUntilSettled(server)
  }
}

/** Emits an event for each channel, as `name channel`. */
export function occupy(server: TestServer, ...channels: string[]): void {
  const app = server.core.apps.byId('1')!
  for (const channel of channels)
    server.core.facts.emit({ type: 'channel_occupied', app, channel: channel as never })
}

/** Emits a fact of the development app. */
export function emit(server: TestServer, fact: Omit<Fact, 'app'>): void {
  const app = server.core.apps.byId('1')!
  server.core.facts.emit({ ...fact, app } as never)
}
