/** The raw clients of a run: each connects, does this and that, leaves, and comes again on another node. */
import { makeRandom } from '../random'
import type { NodeProcess } from '../redis/nodes'
import type { Choose } from './backend'
import { CHANNELS, USERS } from './channels'
import { ChaosClient } from './chaos-client'
import type { Recorder } from './recorder'

type Options = { readonly seed: number; readonly clients: number }

/** Channels of one connection. */
const MAX_PLACES = 8
const CONNECT_MS = 3000

/** What a client does next, and how often: `at` is the upper end of its part of 1. */
type Deed = (client: ChaosClient, choose: Choose, random: () => number) => void

const DEEDS: readonly (readonly [at: number, deed: Deed])[] = [
  [0.42, (client, choose) => client.places.size < MAX_PLACES && client.subscribe(choose(CHANNELS))],
  [0.65, (client, choose) => unsubscribeOne(client, choose)],
  [0.85, (client, choose) => sayOne(client, choose)],
  [0.9, (client, choose) => client.signIn([choose(USERS), choose(USERS), choose(USERS)])],
  [
    0.93,
    (client, choose) => {
      client.subscribe(choose(CHANNELS))
      client.close() // while it waits
    },
  ],
  [0.96, (client) => client.close()],
  [0.98, (client) => client.terminate()],
  [1, (client) => client.ping()],
]

function unsubscribeOne(client: ChaosClient, choose: Choose): void {
  if (client.places.size > 0) client.unsubscribe(choose([...client.places.keys()]))
}

function sayOne(client: ChaosClient, choose: Choose): void {
  const places = [...client.places.keys()].filter((name) => /^(private|presence)-/.test(name))
  if (places.length > 0) client.say(choose(places))
}

export class Crowd {
  readonly #clients: ChaosClient[] = []
  #isOver = false

  constructor(
    readonly recorder: Recorder,
    readonly nodes: readonly NodeProcess[],
    readonly options: Options,
  ) {}

  /** Done when it is stopped. */
  async run(): Promise<void> {
    const { clients, seed } = this.options
    await Promise.all(Array.from({ length: clients }, (_, index) => this.#live(index, seed)))
  }

  async #live(index: number, seed: number): Promise<void> {
    const random = makeRandom(seed * 1000 + 100 + index)
    const choose: Choose = (items) => items[Math.floor(random() * items.length)]!
    while (!this.#isOver) {
      const client = new ChaosClient(this.recorder, choose(this.nodes), choose(USERS))
      this.#clients[index] = client
      const late = Date.now() + CONNECT_MS
      while (!client.isOpen && !client.isClosed && Date.now() < late && !this.#isOver)
        await Bun.sleep(20)
      if (!client.isOpen) client.close()
      while (client.isOpen && !this.#isOver) {
        const part = random()
        const [, deed] = DEEDS.find(([at]) => part < at)!
        deed(client, choose, random)
        await Bun.sleep(50 + random() * 300)
      }
      await Bun.sleep(random() * 300)
    }
  }

  /** Nobody does anything any more; connections stay as they are. */
  stop(): void {
    this.#isOver = true
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close()
  }

  /** Subscribes that nobody has answered. */
  unanswered(): readonly string[] {
    return this.#clients.flatMap((client) =>
      client
        .unanswered()
        .map((channel) => `${client.node.name} has not answered ${client.conn}: ${channel}`),
    )
  }
}
