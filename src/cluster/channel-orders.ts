/**
 * ChannelOrders: orders about a channel, or about a user, whose own channel they take. Each node that hears the channel
 * carries them out in its order. Owns who waits for that.
 */
import { userChannel, userOf } from '../core/channel'
import type { Order } from '../core/engine'
import { raise, REFUSE } from '../core/errors'
import { parseJson } from '../core/json'
import { RedisAway } from './link/away'
import { newNonce, PATIENCE_MS, runOn, type Context } from './context'
import { fullNameOf, splitName, type FullName } from './names'
import type { Replica } from './replica'
import { SCRIPTS } from './scripts'
import { isOrder, type OrderGiven, type SentOrder } from './wire'

type ChannelOrder = Extract<
  Order,
  { readonly type: 'terminate_user' | 'unsubscribe_user' | 'push_delivered' }
>

export const isChannelOrder = (order: Order): order is ChannelOrder =>
  order.type === 'terminate_user' ||
  order.type === 'unsubscribe_user' ||
  order.type === 'push_delivered'

export class ChannelOrders {
  /** By the id of the order. */
  readonly #waiting = new Map<string, () => void>()

  constructor(
    readonly context: Context,
    readonly replicaOf: (name: FullName) => Replica | undefined,
  ) {}

  /** Done when this node has carried it out. @throws (rejects with) RealtimeError('engine_unavailable') */
  async give(order: ChannelOrder): Promise<void> {
    const { node, clock } = this.context
    const name = nameOf(order)
    const id = newNonce()
    const fields = `,${JSON.stringify(sentOf(order))}`
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.set(id, resolve)
    try {
      const isKept = order.type === 'terminate_user' ? 1 : 0
      const rev = await runOn(this.context, SCRIPTS.order, name, id, fields, isKept)
      // Somebody who is about to be heard by this node may be concerned.
      if (rev === 0) return node.carryOut(order)
      if (this.replicaOf(name) === undefined) return
      const cancel = clock.after(PATIENCE_MS, resolve)
      await promise
      cancel()
    } catch (cause) {
      if (cause instanceof RedisAway) raise(cause.maySent ? REFUSE.engineSilent : REFUSE.engineAway)
      throw cause
    } finally {
      this.#waiting.delete(id)
    }
  }

  /** One has come. */
  carryOut(replica: Replica, { id, order }: OrderGiven): void {
    const { node } = this.context
    const { appId, channel } = splitName(replica.name)
    const app = node.app(appId)
    const userId = userOf(channel)
    if (order.type === 'terminate_user') replica.lastOrder = id
    if (app) {
      if (order.type === 'push_delivered') Object.freeze(order.push)
      if (order.type !== 'terminate_user') node.carryOut({ ...order, app, channel })
      else if (userId !== undefined) node.carryOut({ ...order, app, userId })
    }
    this.#waiting.get(id)?.()
  }

  /** Takes the last order of a snapshot, which this node may not have heard. */
  adopt(replica: Replica, text: string): void {
    if (text === '') return
    const [id, order] = (parseJson(text) ?? []) as readonly unknown[]
    if (typeof id !== 'string' || !isOrder(order) || id === replica.lastOrder) return
    if (replica.epoch === '') replica.lastOrder = id
    else this.carryOut(replica, { id, order })
  }
}

const nameOf = (order: ChannelOrder): FullName =>
  fullNameOf(order.app, order.type === 'terminate_user' ? userChannel(order.userId) : order.channel)

/** The order without what its bus says: app and channel, or user. */
function sentOf(order: ChannelOrder): SentOrder {
  switch (order.type) {
    case 'terminate_user':
      return { type: order.type }
    case 'unsubscribe_user':
      return { type: order.type, userId: order.userId, message: order.message }
    case 'push_delivered':
      return { type: order.type, push: order.push }
  }
}
