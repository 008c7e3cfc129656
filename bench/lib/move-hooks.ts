/**
 * The receiver of the move's webhooks: what a backend is told of each channel while two servers tell it, and what it
 * would believe wrongly if it did not tell them apart.
 */
import { HOST } from './sides'

type Hook = { readonly name: string; readonly channel: string }
export type Teller = 'ours' | 'other'

export class MoveHooks {
  readonly told: Readonly<Record<Teller, Hook[]>> = { ours: [], other: [] }
  /** Channels that were called vacated after the other server had called them occupied. */
  falselyVacated = 0
  readonly #occupiedBy = new Map<string, Teller>()
  readonly #server = Bun.serve({
    hostname: HOST,
    port: 0,
    fetch: async (request) => {
      const { events } = (await request.json()) as { events: readonly Hook[] }
      const teller = new URL(request.url).pathname.slice(1) as Teller
      for (const event of events) this.#take(teller, event)
      return new Response()
    },
  })

  /** Where a server tells: a path of its own is how a backend knows which one it was. */
  urlOf(teller: Teller): string {
    return `http://${HOST}:${this.#server.port}/${teller}`
  }

  count(teller: Teller, name: string): number {
    return this.told[teller].filter((hook) => hook.name === name).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  #take(teller: Teller, hook: Hook): void {
    this.told[teller].push(hook)
    const { name, channel } = hook
    if (name === 'channel_occupied') this.#occupiedBy.set(channel, teller)
    if (name === 'channel_vacated' && this.#occupiedBy.get(channel) !== teller)
      this.falselyVacated++
  }
}
