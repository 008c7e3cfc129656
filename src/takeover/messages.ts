/**
 * Messages between two processes of which one takes the place of the other: JSON texts of a WebSocket. What one does
 * not understand it ignores, so that versions may differ.
 */
import type { Core } from '../core/core'
import type { Order } from '../core/engine'
import type { Publication } from '../core/messages'
import { parseRecord } from '../core/json'
import { deliverAsTwin } from '../core/node'
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
  /** The database is free; `drainMs` is how long its sockets may take. */
  | { readonly type: 'yours'; readonly drainMs: number }
  | { readonly type: 'go' }
  | { readonly type: 'entries'; readonly entries: readonly Entry[] }
  /** Its sockets are closed; `resets` are connections that it had not accepted when it stopped listening. */
  | { readonly type: 'drained'; readonly resets: number }

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

/** Delivers what the other process has delivered. */
export function deliverRelayed(core: Core, message: Relayed): void {
  const app = core.apps.byId(message.app as AppId)
  if (!app) return
  const { event, kind, data } = message
  const fields = {
    app,
    channel: message.channel as ChannelName,
    event,
    except: (message.except ?? undefined) as SocketId | undefined,
    sender: message.sender ?? undefined,
  }
  const json = (data ?? undefined) as JsonText | undefined
  const publication: Publication =
    kind === 'bytes'
      ? { type: 'bytes', ...fields, data: Buffer.from(data ?? '', 'base64') }
      : kind === 'client'
        ? { type: 'event', origin: kind, ...fields, data: json }
        : {
            type: 'event',
            origin: kind,
            ...fields,
            data: json ?? ('null' as JsonText),
            once: undefined,
          }
  deliverAsTwin(core, publication, message.position ?? NOT_KEPT)
}

/** The order that the other process has carried out; undefined where there is nothing to do here. */
export function orderOf(core: Core, message: RelayedOrder): Order | undefined {
  const app = core.apps.byId(message.app as AppId)
  if (!app) return undefined
  const userId = message.userId as UserId
  if (message.type === 'terminate') return { type: 'terminate_user', app, userId }
  const channel = message.channel as ChannelName
  return { type: 'unsubscribe_user', app, channel, userId, message: message.message }
}
