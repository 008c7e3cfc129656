/**
 * Reads: the occupied channels, attributes and users of one, an app's connections. Counts come from
 * presence and are those of all nodes. `/connections` is of Reverb's API, for Laravel Pulse.
 * Spec: contract 6.6 to 6.8.
 */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { App } from '../core/app'
import { channelKind, isUserChannel, parseChannelName } from '../core/channel'
import type { Core } from '../core/core'
import { quote, raise } from '../core/errors'
import { jsonText, textOfJson } from '../core/json'
import { andThen } from '../core/maybe-promise'
import type { Counts } from '../core/presence'
import type { ChannelName } from '../core/types'
import { requireSignature, type SignedAccess } from './auth'
import {
  LIMIT,
  memberWriter,
  readPage,
  respondWithChannelPage,
  respondWithMemberPage,
  writeId,
} from './channel-pages'
import { respondWithList, type Envelope } from './lists'
import { invalid } from './mistake'
import { infoOrNull, Next, pageFields } from './paging'
import { APP_READ_REFUSALS, readAnswers } from './refusals'
import { objectSchema, OPEN, textSchema } from './schemas'

const ListQuery = Type.Object(
  {
    filter_by_prefix: Type.Optional(textSchema('How the names begin', 'presence-')),
    info: Type.Optional(
      textSchema(
        'What to tell of each channel, separated by commas: `subscription_count`, and `user_count` where the prefix is that of presence channels',
        'user_count',
      ),
    ),
    ...pageFields(LIMIT, 'my-channel'),
  },
  OPEN,
)
const UsersQuery = Type.Object(
  {
    info: Type.Optional(textSchema('What to tell of each: `user_info`', 'user_info')),
    ...pageFields(LIMIT, '7'),
  },
  OPEN,
)
const InfoQuery = Type.Object(
  {
    info: Type.Optional(
      textSchema(
        'What to tell, separated by commas: `subscription_count`, `user_count` of a presence channel, `cache` of a cache channel',
        'subscription_count',
      ),
    ),
  },
  OPEN,
)

export const Attributes = Type.Object({
  user_count: Type.Optional(
    Type.Integer({ description: 'Distinct users; presence channels only' }),
  ),
  subscription_count: Type.Optional(Type.Integer({ description: 'Connections' })),
})

export const CHANNELS = { 'presence-my-channel': { user_count: 2 } }
export const ChannelMap = Type.Object(
  {},
  { additionalProperties: Attributes, examples: [CHANNELS] },
)

/** Of answers that are pages. */
const next = Type.Optional(Next)
const ChannelsAnswer = objectSchema({ channels: ChannelMap, next }, { channels: CHANNELS })
const ChannelAnswer = objectSchema(
  {
    occupied: Type.Boolean(),
    user_count: Type.Optional(Type.Integer()),
    subscription_count: Type.Optional(Type.Integer()),
    cache: Type.Optional(
      Type.Union([Type.Object({ data: Type.String(), ttl: Type.Integer() }), Type.Null()], {
        description: 'The data of the last event and the seconds that it has left',
      }),
    ),
  },
  { occupied: true, subscription_count: 3 },
)
const StatsAnswer = objectSchema(
  {
    occupied: Type.Boolean(),
    user_count: Type.Optional(Type.Integer()),
    connection_count: Type.Integer(),
  },
  { occupied: true, connection_count: 3 },
)
const ConnectionsAnswer = objectSchema({ connections: Type.Integer() }, { connections: 3 })
const UsersAnswer = objectSchema(
  {
    users: Type.Array(
      Type.Object({
        id: Type.String(),
        user_info: Type.Optional(infoOrNull('As their first connection was signed')),
      }),
    ),
    next,
  },
  { users: [{ id: '7' }, { id: '8' }] },
)

export function channels(core: Core, access: SignedAccess) {
  return new Elysia({ prefix: '/apps/:appId', tags: ['channels'] })
    .use(requireSignature(core, access))
    .get(
      '/channels',
      ({ app, query }) => {
        const { info, filter_by_prefix: prefix = '' } = query
        const attributes = parseInfo(info)
        if (attributes.includes('user_count') && !prefix.startsWith('presence-'))
          throw invalid(
            'user_count is known of presence channels only; add filter_by_prefix=presence-',
          )
        const jsonOf = (name: ChannelName, counts: Counts): string =>
          `${jsonText(name)}:${JSON.stringify(selectAttributes(name, counts, attributes))}`
        const page = readPage(query)
        if (page) return respondWithChannelPage(core, app, { prefix, ...page }, jsonOf)
        return respondWithChannels(core, app, {
          envelope: ['{"channels":{', '}}'],
          jsonOf: (name, counts) => (name.startsWith(prefix) ? jsonOf(name, counts) : undefined),
        })
      },
      {
        query: ListQuery,
        response: readAnswers(ChannelsAnswer, "Unknown info attribute 'nonsense'"),
        detail: {
          operationId: 'listChannels',
          summary: 'List the occupied channels',
          description: 'Those that somebody is subscribed to, on any node; without those of users.',
        },
      },
    )
    .get(
      '/channels/:channel',
      ({ app, params, query }) => {
        const channel = channelOf(app, params.channel)
        const { cache, rest } = splitCache(query.info)
        const attributes = parseInfo(rest)
        if (attributes.includes('user_count')) requirePresence(channel)
        const cached = cache ? readCache(core, app, channel) : {}
        return andThen(core.engine.counts(app, channel), (counts) =>
          andThen(cached, (last) => ({
            occupied: counts.subscriptions > 0,
            ...selectAttributes(channel, counts, attributes),
            ...last,
          })),
        )
      },
      {
        query: InfoQuery,
        response: readAnswers(ChannelAnswer),
        detail: {
          operationId: 'showChannel',
          summary: 'Tell what is known of a channel',
          description: 'Whether somebody is subscribed, and what `info` asks for.',
        },
      },
    )
    .get(
      '/channels/:channel/users',
      ({ app, params, query }) => {
        const channel = channelOf(app, params.channel)
        requirePresence(channel)
        const jsonOf = memberWriter(query.info)
        const page = readPage(query)
        if (page) return respondWithMemberPage(core, app, { channel, ...page }, jsonOf)
        return respondWithUsers(core, app, channel, ['{"users":[', ']}'], jsonOf)
      },
      {
        query: UsersQuery,
        response: readAnswers(
          UsersAnswer,
          'Users are known of presence channels only, not of my-channel',
        ),
        detail: {
          operationId: 'listUsers',
          summary: 'List the users of a presence channel',
          description: 'A user with several connections is in it once.',
        },
      },
    )
    .get(
      '/channels/:channel/stats',
      ({ app, params }) => {
        const channel = channelOf(app, params.channel)
        return andThen(core.engine.counts(app, channel), (counts) => ({
          occupied: counts.subscriptions > 0,
          ...selectAttributes(channel, counts, ['user_count']),
          connection_count: counts.subscriptions,
        }))
      },
      {
        response: readAnswers(StatsAnswer),
        detail: {
          operationId: 'showChannelStats',
          summary: 'Tell what is known of a channel (the form of 2012)',
          description: 'For libraries that are older than `info`.',
          deprecated: true,
        },
      },
    )
    .get(
      '/connections',
      ({ app }) => andThen(core.engine.connections(app), (connections) => ({ connections })),
      {
        response: { 200: ConnectionsAnswer, ...APP_READ_REFUSALS },
        detail: {
          operationId: 'countConnections',
          summary: 'Count the connections of an app',
          description:
            'Those that name the app when they connect, in channels or not: those of Pusher, over HTTP too, and of Phoenix with an `app_key`.',
        },
      },
    )
}

/** Takes `cache` out of `info`: it is an attribute of a single channel only. */
function splitCache(info: string | undefined): { cache: boolean; rest: string } {
  const names = (info ?? '').split(',').filter((name) => name.trim() !== 'cache')
  return { cache: names.length < (info ?? '').split(',').length, rest: names.join() }
}

/** The last event of a cache channel and how many seconds it has left; null where there is none. */
function readCache(core: Core, app: App, channel: ChannelName) {
  if (!channelKind(channel).cache)
    throw invalid(`Events are kept of cache channels only, not of ${channel}`)
  return andThen(core.engine.last(app, channel), (cached) => {
    if (!cached) return { cache: null }
    const ttl = Math.ceil((cached.expiresAt - core.clock.mono()) / 1000)
    return { cache: { data: textOfJson(cached.publication.data), ttl } }
  })
}

/** What `info` may name, and how it is read. */
const ATTRIBUTES = {
  user_count: ({ users }: Counts, channel: ChannelName) =>
    channelKind(channel).presence ? users : undefined,
  subscription_count: ({ subscriptions }: Counts) => subscriptions,
}
export type Attribute = keyof typeof ATTRIBUTES

/** As long as a query may be. */
const MAX_INFO_CHARS = 16_384

/** The attributes that `info` names, each once. @throws RealtimeError('request_invalid') */
export function parseInfo(info: string | undefined): Attribute[] {
  if (!info) return []
  if (info.length > MAX_INFO_CHARS)
    throw invalid(`info of ${info.length} characters exceeds the limit of ${MAX_INFO_CHARS}`)
  const names = new Set(Array.from(new Set(info.split(',')), (name) => name.trim()))
  names.delete('')
  return Array.from(names, (name) => {
    if (Object.hasOwn(ATTRIBUTES, name)) return name as Attribute
    throw invalid(`Unknown info attribute '${quote(name)}'`)
  })
}

/** The attributes that apply to the channel. */
export const attributesOf = (
  { engine }: Core,
  app: App,
  channel: ChannelName,
  info: readonly Attribute[],
) => andThen(engine.counts(app, channel), (counts) => selectAttributes(channel, counts, info))

function selectAttributes(channel: ChannelName, counts: Counts, info: readonly Attribute[]) {
  const selected: { [Name in Attribute]?: number } = {}
  for (const name of info) {
    const value = ATTRIBUTES[name](counts, channel)
    if (value !== undefined) selected[name] = value
  }
  return selected
}

type ChannelList = {
  readonly envelope: Envelope
  /** A channel and its counts as JSON; undefined for a channel that is left out. */
  readonly jsonOf: (name: ChannelName, counts: Counts) => string | undefined
}

/** Lists the occupied channels, without those of users. */
export const respondWithChannels = (core: Core, app: App, { envelope, jsonOf }: ChannelList) =>
  andThen(core.engine.channels(app), ({ names, countsOf }) =>
    respondWithList(core, {
      items: names,
      envelope,
      jsonOf: (name) => {
        const counts = countsOf(name)
        return counts.subscriptions === 0 || isUserChannel(name) ? undefined : jsonOf(name, counts)
      },
    }),
  )

/** Lists a channel's members. */
export const respondWithUsers = (
  core: Core,
  app: App,
  name: ChannelName,
  envelope: Envelope,
  jsonOf = writeId,
) =>
  andThen(core.engine.members(app, name), (items) =>
    respondWithList(core, { items, envelope, jsonOf }),
  )

/** @throws RealtimeError('channel_invalid') */
export function channelOf(app: App, raw: string): ChannelName {
  const channel = parseChannelName(raw, app.limits)
  return typeof channel === 'string' ? channel : raise(channel)
}

function requirePresence(channel: ChannelName): void {
  if (!channelKind(channel).presence)
    throw invalid(`Users are known of presence channels only, not of ${channel}`)
}
