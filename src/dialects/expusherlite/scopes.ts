/**
 * Scopes: ExPusherLite's `scope:slug`, a group of an app's channels. With `eplBridge`, an event of a channel
 * reaches the members of its scope as `topic:event`.
 * Spec: phoenix contract 2.5, 4.2, 4.3.
 */
import type { App, AppRecord } from '../../core/app'
import { channelKind, GROUP, type GroupRules } from '../../core/channel'
import type { Core } from '../../core/core'
import type { GroupTable, Relay } from '../../core/groups'
import type { ChannelName } from '../../core/types'
import { channelOfTopic, type Address } from '../../protocols/phoenix-topics'

const SCOPE = '#scope-'
const PUBLIC_SCOPE = `${SCOPE}public:`

/** Scopes that are kinds of channels, too. */
const PREFIXES = {
  public: '',
  private: 'private-',
  presence: 'presence-',
}

type Scope = keyof typeof PREFIXES

/** The group that clients call `scope:slug` or `scope:slug:rest`, of the app with the slug. */
export const scopeChannel = (topic: string): ChannelName => `${SCOPE}${topic}` as ChannelName

export const isScope = (channel: ChannelName): boolean => channel.startsWith(SCOPE)

/** True for a scope that everybody may join. */
export const isPublicScope = (channel: ChannelName): boolean => channel.startsWith(PUBLIC_SCOPE)

/** The clients' name for a channel. */
export const topicOf = (channel: ChannelName): string =>
  isScope(channel) ? channel.slice(SCOPE.length) : channel

const RULES: Omit<GroupRules, 'allowsClientEvents'> = {
  nameOf: topicOf,
  isOpen: (apps, app, group) => {
    const [, slug = ''] = topicOf(group).split(':')
    return app.record.active && apps.bySlug(slug) === app
  },
}

export const SCOPES: GroupTable = {
  kinds: [
    {
      ...GROUP,
      prefix: PUBLIC_SCOPE,
      auth: 'none',
      group: {
        ...RULES,
        allowsClientEvents: ({ record }) => record.dialects['publicClientEvents'] === true,
      },
    },
    {
      ...GROUP,
      prefix: SCOPE,
      auth: 'plugin',
      group: { ...RULES, allowsClientEvents: ({ record }) => record.clientEvents },
    },
  ],
  relayOf,
}

function relayOf(app: App, channel: ChannelName): Relay | undefined {
  if (app.record.dialects['eplBridge'] !== true) return undefined
  const { auth, presence, clientEvents, counted } = channelKind(channel)
  if (!counted || auth === 'plugin') return undefined // a user's, a scope's own
  if (auth === 'signature' && !clientEvents) return undefined // encrypted
  const scope = auth === 'none' ? 'public' : presence ? 'presence' : 'private'
  const topic = channel.slice(PREFIXES[scope].length)
  const groups = groupsByRecord.getOrInsertComputed(app.record, newGroups)
  return { group: groups[scope], prefix: `${topic}:` }
}

/** The groups that events are relayed to: their names are asked for with each event. */
const groupsByRecord = new WeakMap<AppRecord, Readonly<Record<Scope, ChannelName>>>()

const newGroups = ({ slug }: AppRecord): Readonly<Record<Scope, ChannelName>> => ({
  public: scopeChannel(`public:${slug}`),
  private: scopeChannel(`private:${slug}`),
  presence: scopeChannel(`presence:${slug}`),
})

/** The channel of a topic, with or without the scope in front. Undefined where no channel can have the name. */
export function channelOfScope(scope: string, topic: string): ChannelName | undefined {
  const prefix = Object.hasOwn(PREFIXES, scope) ? PREFIXES[scope as Scope] : undefined
  if (prefix === undefined) return undefined
  return channelOfTopic(
    prefix + (topic.startsWith(`${scope}:`) ? topic.slice(scope.length + 1) : topic),
  )
}

const SCOPED = /^[^:]+:([^:]+)(?:$|:)/s

/** The scope that a topic names. On a connection with an app, only that app's own. */
export function scopeIn({ apps }: Core, own: App | undefined, topic: string): Address | undefined {
  const [, slug] = SCOPED.exec(topic) ?? []
  const app = slug === undefined ? undefined : apps.bySlug(slug)
  if (!app?.record.active || (own && own !== app)) return undefined
  return channelOfTopic(topic) && { app, channel: scopeChannel(topic) }
}
