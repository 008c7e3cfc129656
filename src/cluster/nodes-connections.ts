/**
 * RemoteConnections: connections of other nodes, for operators: the one that has it describes it, or closes it. Owns
 * the questions that have no answer yet. It is for people who look at one connection, and for nothing on a hot path.
 */
import type { App } from '../core/app'
import type { ConnectionView } from '../core/connection-view'
import type { CloseOrder } from '../core/engine'
import type { Context } from './context'
import type { NodeAnswer, NodeAsk, NodeClose } from './nodes-wire'

/** After so long nobody has it. */
const PATIENCE_MS = 1000
/** Questions that wait at most. */
const MAX_WAITING = 100

/** Says something on the bus of nodes. Rejects with RedisAway. */
type Say = (message: NodeAsk | NodeAnswer | NodeClose) => Promise<unknown>

export class RemoteConnections {
  readonly #waiting = new Map<number, (view: ConnectionView | undefined) => void>()
  #asked = 0

  constructor(
    readonly context: Context,
    /** Of this node. */
    readonly id: string,
    readonly say: Say,
  ) {}

  /** Undefined where no other node has it, or says so in time. Rejects with RedisAway. */
  async find(app: App, socketId: string): Promise<ConnectionView | undefined> {
    if (this.#waiting.size >= MAX_WAITING) return undefined
    const number = ++this.#asked
    const { promise, resolve } = Promise.withResolvers<ConnectionView | undefined>()
    this.#waiting.set(number, resolve)
    const cancel = this.context.clock.after(PATIENCE_MS, () => resolve(undefined))
    try {
      await this.say({ type: 'ask', id: this.id, number, appId: app.id, socketId })
      return await promise
    } finally {
      cancel()
      this.#waiting.delete(number)
    }
  }

  /** Wherever it is. Rejects with RedisAway. */
  async close(order: CloseOrder): Promise<void> {
    const { app, socketId, isToReconnect } = order
    const { node } = this.context
    if (node.describe(app, socketId)) return node.carryOut(order)
    await this.say({ type: 'close', id: this.id, appId: app.id, socketId, isToReconnect })
  }

  /** What another node has said. */
  receive(message: NodeAsk | NodeAnswer | NodeClose): void {
    const { node } = this.context
    if (message.type === 'answer') {
      if (message.to === this.id) this.#waiting.get(message.number)?.(message.view)
      return
    }
    const app = node.app(message.appId)
    if (!app) return
    const { socketId } = message
    if (message.type === 'close') {
      const { isToReconnect } = message
      return node.carryOut({ type: 'close_connection', app, socketId, isToReconnect })
    }
    const view = node.describe(app, socketId)
    if (!view) return
    const { id: to, number } = message
    // Whoever asks waits no longer than a second.
    this.say({ type: 'answer', id: this.id, to, number, view }).catch(() => undefined)
  }
}
