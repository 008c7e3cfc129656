/**
 * Endpoint: an application that takes webhooks, or fails to. Keeps the numbers of client events and
 * of occupied and vacated channels, in the order in which they arrived.
 */
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HOST, type App } from './sides'

type Event = { readonly name: string; readonly channel: string; readonly event?: string }

/** What arrived of one channel, with repeats, in the order of arrival. */
export type Arrived = { readonly numbers: number[]; readonly names: string[] }

type Fate = 'accept' | 'accept late' | 'accept silently' | 'fail' | 'reset' | 'hang'

/** FATES: of a random number by falling thresholds; half of all requests are accepted. */
const FATES: readonly (readonly [above: number, fate: Fate])[] = [
  [0.5, 'accept'],
  [0.45, 'accept late'],
  [0.4, 'accept silently'],
  [0.25, 'fail'],
  [0.15, 'reset'],
  [0, 'hang'],
]

export class Endpoint {
  readonly arrived = new Map<string, Arrived>()
  /** Requests whose signature is wrong. */
  forged = 0
  events = 0
  requests = 0
  isHealthy: boolean
  readonly #server = createServer((request, response) => void this.#take(request, response))

  constructor(
    readonly app: App,
    readonly options: {
      readonly isHealthy: boolean
      readonly chance: () => number
      /** Longer than the sender waits. */
      readonly lateMs: number
    },
  ) {
    this.isHealthy = options.isHealthy
  }

  /** The address to send to. */
  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, HOST, done))
    return `http://${HOST}:${(this.#server.address() as AddressInfo).port}/hook`
  }

  [Symbol.dispose](): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (body === undefined) return
    this.requests++
    if (request.headers['x-pusher-signature'] !== this.#sign(body)) this.forged++
    const fate = this.isHealthy ? 'accept' : this.#fate()
    if (fate.startsWith('accept')) this.#keep(body)
    this.#answer(fate, request, response)
  }

  #answer(fate: Fate, request: IncomingMessage, response: ServerResponse): void {
    if (fate === 'accept') response.writeHead(200).end()
    else if (fate === 'fail') response.writeHead(500).end()
    else if (fate === 'reset') request.socket.destroy()
    else if (fate === 'accept late')
      setTimeout(() => response.writeHead(200).end(), this.options.lateMs)
  }

  #fate(): Fate {
    const drawn = this.options.chance()
    return FATES.find(([above]) => drawn >= above)![1]
  }

  #keep(body: string): void {
    for (const { name, channel, event } of (JSON.parse(body) as { events: Event[] }).events) {
      this.events++
      const own = this.arrived.get(channel) ?? { numbers: [], names: [] }
      this.arrived.set(channel, own)
      own.names.push(name)
      if (event !== undefined) own.numbers.push(Number(event.slice(event.lastIndexOf('-') + 1)))
    }
  }

  #sign(body: string): string {
    return createHmac('sha256', this.app.secret).update(body).digest('hex')
  }
}

/** Undefined when the sender was killed while it sent. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of request) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  } catch {
    return undefined // ECONNRESET, by kill -9
  }
}
