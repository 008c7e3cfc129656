/**
 * Scopes: ExPusherLite's `scope:slug`, a group of an app's channels. What is told on a channel reaches
 * the members of its scope as `topic:event`, where the app says so.
 * Spec: phoenix contract 4.2, 4.3.
 */
import type { App } from './app'
import { channelKind, channelOfTopic, scopeChannel, topicOf } from './channel'
import type { Core } from './core'
import type { Hub } from './hub'
import type { Publication } from './messages'
import type { ChannelName } from './types'

/** Scopes that are kinds of channels, too. */
const PREFIXES: Readonly<Record<string, string>> = {
  public: '',
  private: 'private-',
  presence: 'presence-',
}

/** Clients write the scope before the topic, too, or leave it out. Undefined where no channel can have the name. */
export function channelOfScope(scope: string, topic: string): ChannelName | undefined {
  const prefix = Object.hasOwn(PREFIXES, scope) ? PREFIXES[scope] : undefined
  if (prefix === undefined) return undefined
  return channelOfTopic(
    prefix + (topic.startsWith(`${scope}:`) ? topic.slice(scope.length + 1) : topic),
  )
}

/** Whether the app, which may have got another name or have ended meanwhile, still has the scope. */
export function isScopeOf({ apps }: Pick<Core, 'apps'>, app: App, channel: ChannelName): boolean {
  const [, slug = ''] = topicOf(channel).split(':')
  return app.record.active && apps.bySlug(slug) === app
}

/** What the members of its scope hear of an event on a channel; undefined where nobody is to hear it. */
export function toScope(hub: Hub, publication: Publication): Publication | undefined {
  const { app, channel, event } = publication
  const heard = groupOf(hub, app, channel)
  return heard && { ...publication, channel: heard.group, event: `${heard.topic}:${event}` }
}

/** The group that hears what is told on a channel, and how it is called there. */
export function groupOf(
  hub: Hub,
  app: App,
  channel: ChannelName,
): { readonly group: ChannelName; readonly topic: string } | undefined {
  if (!app.record.eplBridge || !hub.hasScopes(app)) return undefined
  const { auth, presence, clientEvents, counted } = channelKind(channel)
  if (!counted || auth === 'plugin') return undefined // a user's, a scope's own
  if (auth === 'signature' && !clientEvents) return undefined // encrypted
  const scope = auth === 'none' ? 'public' : presence ? 'presence' : 'private'
  const topic = channel.slice(PREFIXES[scope]!.length)
  return { group: scopeChannel(`${scope}:${app.record.slug}`), topic }
}
