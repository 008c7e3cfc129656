/** Receiver: an endpoint on 127.0.0.1 that the server under test sends its webhooks to. */
import Sdk from 'pusher'
import { makeSdk } from './requests'
import type { Target } from '../target'

export type Delivery = {
  readonly event: Readonly<Record<string, unknown>> & { readonly name: string }
  /** True where the stock server library trusts the request. */
  readonly isValid: boolean
  readonly contentType: string
  readonly timeMs: unknown
}

type Hearer = (delivery: Delivery) => void

export class Receiver {
  readonly #server: Bun.Server<undefined>
  readonly #hearers = new Map<string, Hearer>()
  readonly #sdk: Sdk

  constructor(target: Target, port: number) {
    this.#sdk = makeSdk(target)
    this.#server = Bun.serve({
      hostname: '127.0.0.1',
      port,
      maxRequestBodySize: 1024 * 1024,
      fetch: (request) => this.#receive(request),
    })
  }

  async #receive(request: Request): Promise<Response> {
    const rawBody = await request.text()
    const headers = Object.fromEntries(request.headers)
    const isValid = this.#sdk.webhook({ headers, rawBody }).isValid()
    const { events = [], time_ms: timeMs } = readBody(rawBody)
    const contentType = request.headers.get('content-type') ?? ''
    for (const event of events)
      this.#hearers.get(String(event['channel']))?.({ event, isValid, contentType, timeMs })
    return new Response('')
  }

  /** Hears what is about a channel. */
  hear(channel: string, hearer: Hearer): void {
    this.#hearers.set(channel, hearer)
  }

  stop(): Promise<void> {
    return this.#server.stop(true)
  }
}

type Body = { readonly events?: readonly Delivery['event'][]; readonly time_ms?: unknown }

function readBody(text: string): Body {
  try {
    return JSON.parse(text) as Body
  } catch {
    return {} // no webhook: somebody else has found the port
  }
}
