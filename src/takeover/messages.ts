/**
 * Messages between two processes of which one takes the place of the other: JSON texts of a WebSocket. What one does
 * not understand it ignores, so that versions may differ.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { Keepsake, Order } from '../core/engine'
import type { Publication } from '../core/messages'
import { parseRecord } from '../core/json'
import { deliverAsTwin } from '../core/node'
import type { KeptAnswer } from '../core/repeats'
import { NOT_KEPT } from '../core/stream'
import type { Twin } from '../core/twin'
import type {
  AppId,
  ChannelName,
  JsonText,
  Member,
  Position,
  SocketId,
  UserId,
} from '../core/types'
import type { Spot } from '../entrance'
import type { Entry } from '../store/outbox'

/** Raised where an older version would misunderstand. */
export const PROTOCOL = 1

/** What the new process says. */
export type FromNew =
  | {
      readonly type: 'ask'
      readonly protocol: number
      readonly version: string
      readonly pid: number
    }
  /** It listens, at the door, too. */
  | { readonly type: 'ready'; readonly isSteered: boolean }
  | { readonly type: 'begun' }

/** What the old one says. */
export type FromOld =
  | { readonly type: 'refused'; readonly reason: string }
  /** An answer follows within `ms` and its usual time. */
  | { readonly type: 'wait'; readonly ms: number }
  /** The database is free; `drainMs` is how long its sockets may take, and `spots` are where it listens. */
  | { readonly type: 'yours'; readonly drainMs: number; readonly spots: readonly Spot[] }
  /** What is in memory only, some of it at a time, before `go`. */
  | { readonly type: 'kept'; readonly kept: readonly Kept[] }
  | { readonly type: 'go' }
  | { readonly type: 'entries'; readonly entries: readonly Entry[] }
  /** Its sockets are closed; `resets` are connections that it had not accepted when it stopped listening. */
  | { readonly type: 'drained'; readonly resets: number }

type Kept =
  | { readonly cached: Relayed; readonly leftMs: number }
  | (Omit<KeptAnswer, 'app'> & { readonly app: string })

/** What either says while both have sockets. */
export type Relayed = {
  readonly type: 'event'
  readonly app: string
  readonly channel: string
  readonly event: string
  /** Base64 where it is bytes. */
  readonly data: string | null
  readonly kind: 'backend' | 'client' | 'bytes'
  readonly except: string | null
  readonly sender: Member | null
  /** Null where nothing keeps it. */
  readonly position: Position | null
}

type RelayedOrder =
  | { readonly type: 'terminate'; readonly app: string; readonly userId: string }
  | {
      readonly type: 'unsubscribe'
      readonly app: string
      readonly channel: string
      readonly userId: string
      readonly message: string
    }

export type Message = FromNew | FromOld | Relayed | RelayedOrder

/** Undefined for what is no message. Its fields are those of a process of the same user. */
export const readMessage = (text: string): Message | undefined => {
  const record = parseRecord(text)
  return typeof record?.['type'] === 'string' ? (record as Message) : undefined
}

/** The other process, as the engine and the node see it. */
export const twinOver = (send: (message: Message) => void): Twin => ({
  deliver: (publication, position) => send(relayed(publication, position)),
  order(order) {
    const message = relayedOrder(order)
    if (message) send(message)
  },
})

function relayed(publication: Publication, position: Position): Relayed {
  const { app, channel, event, except = null, sender = null } = publication
  const isBytes = publication.type === 'bytes'
  return {
    type: 'event',
    app: app.id,
    channel,
    event,
    data: isBytes ? Buffer.from(publication.data).toString('base64') : (publication.data ?? null),
    kind: isBytes ? 'bytes' : publication.origin,
    except,
    sender,
    position: position === NOT_KEPT ? null : position,
  }
}

function relayedOrder(order: Order): RelayedOrder | undefined {
  switch (order.type) {
    case 'terminate_user':
      return { type: 'terminate', app: order.app.id, userId: order.userId }
    case 'unsubscribe_user': {
      const { app, channel, userId, message } = order
      return { type: 'unsubscribe', app: app.id, channel, userId, message }
    }
    default:
      return undefined
  }
}

/** Of what is in memory, what is newest, at most: 20 MB where events are as large as they may be by default. */
const MOST_KEPT = 10_000
const KEPT_PER_MESSAGE = 100

/** What a process had in memory, as messages. */
export function* keptBy({ engine }: Core): IterableIterator<Message> {
  const all = Array.from(engine.keepsakes()).slice(-MOST_KEPT)
  for (let next = 0; next < all.length; next += KEPT_PER_MESSAGE)
    yield { type: 'kept', kept: all.slice(next, next + KEPT_PER_MESSAGE).map(keptOf) }
}

function keptOf(keepsake: Keepsake): Kept {
  if (keepsake.type === 'cached') {
    const { publication, position, leftMs } = keepsake
    return { cached: relayed(publication, position), leftMs }
  }
  const { app, key, fingerprint, answer, leftMs } = keepsake
  return { app: app.id, key, fingerprint, answer, leftMs }
}

/** Keeps what the other process had in memory. */
export function adoptKept({ apps, engine }: Core, kept: readonly Kept[]): void {
  for (const each of kept) {
    const app = apps.byId(('cached' in each ? each.cached.app : each.app) as AppId)
    if (!app) continue
    if (!('cached' in each)) engine.adopt({ ...each, type: 'answer', app })
    else {
      const { cached, leftMs } = each
      const publication = publicationOf(app, cached)
      if (publication.type === 'event' && publication.origin === 'backend')
        engine.adopt({ type: 'cached', publication, position: cached.position ?? NOT_KEPT, leftMs })
    }
  }
}

/** Delivers what the other process has delivered. */
export function deliverRelayed(core: Core, message: Relayed): void {
  const app = core.apps.byId(message.app as AppId)
  if (app) deliverAsTwin(core, publicationOf(app, message), message.position ?? NOT_KEPT)
}

function publicationOf(app: App, message: Relayed): Publication {
  const { event, kind, data } = message
  const fields = {
    app,
    channel: message.channel as ChannelName,
    event,
    except: (message.except ?? undefined) as SocketId | undefined,
    sender: message.sender ?? undefined,
  }
  const json = (data ?? undefined) as JsonText | undefined
  if (kind === 'bytes') return { type: 'bytes', ...fields, data: Buffer.from(data ?? '', 'base64') }
  if (kind === 'client') return { type: 'event', origin: kind, ...fields, data: json }
  return { type: 'event', origin: kind, ...fields, data: json ?? NULL, once: undefined }
}

const NULL = 'null' as JsonText

/** The order that the other process has carried out; undefined where there is nothing to do here. */
export function orderOf(core: Core, message: RelayedOrder): Order | undefined {
  const app = core.apps.byId(message.app as AppId)
  if (!app) return undefined
  const userId = message.userId as UserId
  if (message.type === 'terminate') return { type: 'terminate_user', app, userId }
  const channel = message.channel as ChannelName
  return { type: 'unsubscribe_user', app, channel, userId, message: message.message }
}
