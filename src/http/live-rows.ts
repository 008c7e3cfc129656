/**
 * LIVE_KINDS: what a live stream shows of each fact. A row has what happened to whom, in the words of the API; texts
 * that others chose stay as they are, since JSON and a page escape them.
 */
import type { Core } from '../core/core'
import { payloadJson } from '../core/json'
import type { Fact, FactType } from '../core/messages'
import type { ChannelName } from '../core/types'
import { MASK, maskWholeUrl } from '../apps/masks'
import type { App } from '../core/app'
import { CAUSES, causeOf } from './live-causes'
import { remedyOf } from './problem-words'

type Of<Type extends FactType> = Extract<Fact, { readonly type: Type }>

type Kind<Type extends FactType> = {
  readonly about: string
  readonly from: Type
  /** Which facts of the type are of this kind; all if absent. */
  readonly isOne?: (fact: Of<Type>) => boolean
  readonly fieldsOf: (fact: Of<Type>, core: Core, socketIds: Iterable<string>) => object
}

const kind = <Type extends FactType>(row: Kind<Type>): Kind<FactType> =>
  row as unknown as Kind<FactType>

type OfChannel = { readonly channel: ChannelName }
const channelOf = ({ channel }: OfChannel, { groups }: Core) => ({
  channel: groups.nameOf(channel),
})
type OfUser = OfChannel & { readonly userId: string | undefined }
const memberOf = (fact: OfUser, core: Core) => ({ ...channelOf(fact, core), user_id: fact.userId })
type OfSocket = OfUser & { readonly socketId: string }
const subscriptionOf = (fact: OfSocket, core: Core) => ({
  ...memberOf(fact, core),
  socket_id: fact.socketId,
})
const eventOf = ({ channel, event, socketId }: Of<'published'>, core: Core) => ({
  ...channelOf({ channel }, core),
  event,
  socket_id: socketId,
})

/** Of a text that others have chosen only so much is shown. */
const MAX_TEXT_CHARS = 4096
/** Of a longer one the end is left out, which may have the beginning of a secret. */
const MAX_SECRET_CHARS = 1024
const MOST_CHARS = MAX_TEXT_CHARS + MAX_SECRET_CHARS

function refusalOf(fact: Of<'refused'>, core: Core, socketIds: Iterable<string>): object {
  const { app, code, plugin, remoteAddress: address, wrongSignature: wrong } = fact
  const hideIn = (text: string): string => hideSecrets(core, app, text.slice(0, MOST_CHARS))
  const hide = (text: string): string => {
    const end = text.length > MOST_CHARS ? -MAX_SECRET_CHARS : undefined
    return hideIn(text).slice(0, end).slice(0, MAX_TEXT_CHARS)
  }
  const sent = wrong ? [wrong.key, wrong.signature] : [fact.message]
  const isSecretSent = sent.some((text) => hideIn(text) !== text.slice(0, MOST_CHARS))
  const cause = isSecretSent ? 'secret_sent' : causeOf(core, fact, socketIds)
  return {
    code,
    message: isSecretSent ? 'A secret was sent' : hideIn(fact.message), // which may have a part of it
    plugin,
    address,
    ...(fact.where === 'socket'
      ? { socket_id: fact.socketId, channel: fact.channel, event: fact.event }
      : { path: fact.path && hide(fact.path), request_id: fact.requestId }),
    ...(wrong && {
      signature: {
        of: wrong.of,
        key: hide(wrong.key),
        should_sign: hide(wrong.text),
        sent: hide(wrong.signature),
      },
    }),
    ...(cause ? { cause, ...CAUSES[cause] } : { remedy: remedyOf(code) }),
  }
}

/** So many apps are looked at for a secret that was sent as a key. */
const MAX_APPS = 1000

function hideSecrets({ apps }: Core, app: App | undefined, text: string): string {
  let shown = text
  let looked = 0
  for (const { record } of app ? [app] : apps.all()) {
    if (looked++ === MAX_APPS) break
    for (const { secret } of record.keys)
      if (shown.includes(secret)) shown = shown.replaceAll(secret, MASK)
  }
  return shown
}

export const LIVE_KINDS = {
  connected: kind({
    about: 'a client got its hello',
    from: 'connected',
    fieldsOf: ({ socketId, remoteAddress, protocol, software }) => ({
      socket_id: socketId,
      address: remoteAddress,
      protocol,
      library: software?.library,
      version: software?.version,
      user_agent: software?.userAgent,
    }),
  }),
  disconnected: kind({
    about: 'it has gone, and why',
    from: 'disconnected',
    fieldsOf: ({ socketId, closing }) => ({ socket_id: socketId, ...closing }),
  }),
  subscribed: kind({
    about: 'a client is in a channel',
    from: 'subscribed',
    fieldsOf: subscriptionOf,
  }),
  unsubscribed: kind({
    about: 'a client is not in it any more',
    from: 'unsubscribed',
    fieldsOf: subscriptionOf,
  }),
  channel_occupied: kind({
    about: 'a channel has its first subscriber',
    from: 'channel_occupied',
    fieldsOf: channelOf,
  }),
  channel_vacated: kind({
    about: 'its last one has left',
    from: 'channel_vacated',
    fieldsOf: channelOf,
  }),
  member_added: kind({
    about: 'a user has come to a presence channel',
    from: 'member_added',
    fieldsOf: memberOf,
  }),
  member_removed: kind({
    about: 'a user has left it',
    from: 'member_removed',
    fieldsOf: memberOf,
  }),
  cache_miss: kind({
    about: 'a subscriber found a cache channel empty',
    from: 'cache_miss',
    fieldsOf: channelOf,
  }),
  published: kind({
    about: 'an event of a backend or plugin, one per channel',
    from: 'published',
    isOne: ({ origin }) => origin === 'backend',
    fieldsOf: (fact, core) => ({ ...eventOf(fact, core), api: fact.api }),
  }),
  client_event: kind({
    about: 'an event of a client',
    from: 'published',
    isOne: ({ origin }) => origin === 'client',
    fieldsOf: eventOf,
  }),
  refused: kind({
    about:
      'a connection, command or request that was refused; for a wrong signature, with the text to sign',
    from: 'refused',
    isOne: ({ app }) => app !== undefined,
    fieldsOf: refusalOf,
  }),
  unknown_app: kind({
    about: 'one that names no app that there is; shown to those who see all apps',
    from: 'refused',
    isOne: ({ app, code }) => app === undefined && code === 'app_not_found',
    fieldsOf: refusalOf,
  }),
  slow_reader: kind({
    about: 'a client was cut because it read too slowly',
    from: 'cut',
    fieldsOf: ({ socketId, bytes }) => ({ socket_id: socketId, unread_bytes: bytes }),
  }),
  webhook: kind({
    about: 'a request to an endpoint, with its body, and the status of its answer',
    from: 'webhook_answered',
    fieldsOf: ({ endpoint, isTest, attempt: { durationMs, events, status, error } }) => ({
      endpoint: maskWholeUrl(endpoint), // for readers, too
      events,
      status,
      error,
      duration_ms: durationMs,
      ...(isTest && { test: true }),
    }),
  }),
  app_changed: kind({
    about: 'the app was changed',
    from: 'app_changed',
    fieldsOf: () => ({}),
  }),
} as const satisfies Record<string, Kind<FactType>>

export type LiveKind = keyof typeof LIVE_KINDS

export const LIVE_KIND_NAMES = Object.keys(LIVE_KINDS) as LiveKind[]

/** The facts that a stream is made of. */
export const LIVE_FACTS = Array.from(new Set(LIVE_KIND_NAMES.map((name) => LIVE_KINDS[name].from)))

const KINDS_BY_FACT = Map.groupBy(LIVE_KIND_NAMES, (name) => LIVE_KINDS[name].from)

export function kindOf(fact: Fact): LiveKind | undefined {
  for (const name of KINDS_BY_FACT.get(fact.type) ?? []) {
    const row: Kind<FactType> = LIVE_KINDS[name]
    if (row.isOne === undefined || row.isOne(fact)) return name
  }
  return undefined
}

/** Of an event's data that is longer only so much is shown. */
const MAX_DATA_CHARS = 10_240

/** A row as JSON, on one line. `at` is in epoch milliseconds, `socketIds` are those of the app that are known. */
export function rowOf(core: Core, name: LiveKind, fact: Fact, socketIds: Iterable<string>): string {
  const row: Kind<FactType> = LIVE_KINDS[name]
  const fields = JSON.stringify({
    kind: name,
    at: core.clock.now(),
    ...row.fieldsOf(fact, core, socketIds),
  })
  const data = dataOf(fact)
  return data === undefined ? fields : `${fields.slice(0, -1)},${data}}`
}

/** The data of an event, the body of a webhook. */
function dataOf(fact: Fact): string | undefined {
  if (fact.type === 'webhook_answered')
    return fieldsOfData(fact.exchange.body, fact.exchange.bodyBytes)
  if (fact.type !== 'published' || fact.data === undefined) return undefined
  const { data } = fact
  const json = payloadJson(data)
  return fieldsOfData(json, typeof data === 'string' ? Buffer.byteLength(json) : data.byteLength)
}

/** Clients send JSON with line ends between its values, where any other space does. */
function fieldsOfData(json: string, bytes: number): string {
  const isWhole = json.length <= MAX_DATA_CHARS && Buffer.byteLength(json) >= bytes
  if (isWhole) return `"bytes":${bytes},"data":${json.replace(/[\r\n]/g, ' ')}`
  const shown = JSON.stringify(json.slice(0, MAX_DATA_CHARS))
  return `"bytes":${bytes},"data_beginning":${shown}`
}
