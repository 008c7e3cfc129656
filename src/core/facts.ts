/**
 * Facts: what happened, emitted to listeners such as webhooks. A listener must not throw and must not change
 * core's state. A fact that nobody listens to is not built: ask `wants` first, which then costs a field read.
 */
import type { Fact, FactType, SentEvent } from './messages'
import type { ChannelName, SocketId } from './types'

/** FACTS: the types of facts. */
export const FACTS: Readonly<Record<FactType, string>> = {
  app_changed: 'an app was created, changed or deleted',
  connected: 'a connection got its hello',
  subscribed: 'a connection has joined a channel, or begun another subscription to it',
  unsubscribed: 'a subscription has ended',
  disconnected: 'it has closed and left its channels',
  channel_occupied: 'a channel has its first subscription, and had none for a while',
  channel_vacated: 'its last subscription has ended, and none came for a while',
  member_added: 'a user has joined a presence channel, and was not there for a while',
  member_removed: 'their last connection has left it, and they were not back for a while',
  subscription_count:
    'the number of subscriptions of a channel has changed, where the app wants to know',
  cache_miss: 'a subscriber found a cache channel empty',
  client_event: 'a client has sent an event to a channel',
  published: 'the engine has accepted an event, whoever sent it; not its copy for a group',
  refused: 'a connection, a command or a request was refused',
  requested: 'a request to the API of an app was answered',
  cut: 'a connection was closed because it read too slowly',
  webhook_answered: 'an endpoint has answered a request, or has not',
}

/** The app of such a fact; facts from before it is known have none. */
type AppOf<Type extends FactType> = Extract<Fact, { readonly type: Type }>['app']

export type FactListener<Type extends FactType> = {
  readonly types: readonly Type[]
  readonly receive: (fact: Extract<Fact, { readonly type: Type }>) => void
  /** False where the fact is of no use to the listener; absent where each is of use. `channel` is undefined for facts without. */
  readonly wants?: (type: Type, app: AppOf<Type>, channel: ChannelName | undefined) => boolean
  /** False while facts that can wait had better do so. */
  readonly hasRoom?: () => boolean
}

/** Where and when a fact of a stream was written there. */
export type StreamPlace = { readonly stream: string; readonly id: string; readonly at: number }

/** Keeps facts that come from a stream, which gives them up once they are kept. */
export type FactKeeper = {
  /** The id of the last fact of a stream that is kept; undefined where none was. */
  last(stream: string): string | undefined
  /**
   * Emits a fact of a time (epoch milliseconds), and keeps what follows from it together with its id: both or nothing.
   * Done when it is kept; never where the process ends before.
   */
  keep(fact: StreamPlace, emit: () => void): Promise<void>
  /** False where something of what is kept is still to be sent to somebody. */
  isDone(): boolean
}

export class Facts {
  /** Undefined where nothing keeps facts. */
  keeper: FactKeeper | undefined
  readonly #listeners: FactListener<FactType>[] = []
  readonly #byType: Readonly<Record<FactType, FactListener<FactType>[]>>

  constructor() {
    const lists = Object.keys(FACTS).map((type) => [type, []])
    this.#byType = Object.fromEntries(lists) as Record<FactType, FactListener<FactType>[]>
  }

  /** Returns the function that ends it. */
  listen<Type extends FactType>(listener: FactListener<Type>): () => void {
    const any = listener as unknown as FactListener<FactType>
    this.#listeners.push(any)
    for (const type of listener.types) this.#byType[type].push(any)
    return () => {
      remove(this.#listeners, any)
      for (const type of listener.types) remove(this.#byType[type], any)
    }
  }

  /** True where anybody listens to the type: asked before the work of finding the app, which `wants` needs. */
  hears(type: FactType): boolean {
    return this.#byType[type].length > 0
  }

  /** True where somebody listens to such a fact: only then it is worth building. */
  wants<Type extends FactType>(type: Type, app: AppOf<Type>, channel?: ChannelName): boolean {
    const listeners = this.#byType[type]
    for (let index = 0; index < listeners.length; index++) {
      const { wants } = listeners[index]!
      if (wants === undefined || wants(type, app, channel)) return true
    }
    return false
  }

  /** False while a listener asks for facts that can wait to do so. */
  get hasRoom(): boolean {
    return this.#listeners.every(({ hasRoom }) => hasRoom === undefined || hasRoom())
  }

  emit(fact: Fact): void {
    for (const { receive } of this.#byType[fact.type]) receive(fact)
  }
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item)
  if (index !== -1) list.splice(index, 1)
}

/** Emits that an event was accepted, once for each publication: of the client with that `socketId`, or over the `api` of that label. */
export function emitPublished(
  facts: Facts,
  { app, channel, event, data }: SentEvent,
  socketId: SocketId | undefined,
  api: string | undefined,
): void {
  if (!facts.wants('published', app, channel)) return
  const origin = socketId === undefined ? 'backend' : 'client'
  facts.emit({ type: 'published', app, channel, event, data, origin, socketId, api })
}
