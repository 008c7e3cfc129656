/**
 * What a topic is: the app and the channel that it names, on each mount.
 * Spec: phoenix contract 2.5, 3.3, 4.1.
 */
import type { App } from '../core/app'
import { channelOfTopic, scopeChannel } from '../core/channel'
import type { Core } from '../core/core'
import { quoted, refusal, type Refusal } from '../core/errors'
import type { ChannelName } from '../core/types'

export type Address = { readonly app: App; readonly channel: ChannelName }

// ---------------------------------------------------------------- apps

/** The app whose key a client says, or why it can't be served. */
export function appOfKey({ apps }: Core, key: string): App | Refusal {
  const app = apps.byKey(key)
  if (!app) return refusal('app_not_found', `App key ${quoted(key)} does not exist`)
  return alive(app)
}

/** PushEx knows no apps. */
export function unnamedApp({ apps }: Core): App | Refusal {
  const app = apps.unnamed()
  if (!app)
    return refusal(
      'app_not_found',
      'There is not exactly one app: connect with app_key, or set CARILLON_PUSHEX_APP',
    )
  return alive(app)
}

const alive = (app: App): App | Refusal =>
  app.record.active ? app : refusal('app_disabled', `App ${app.id} is disabled`)

// ---------------------------------------------------------------- channels

const SCOPED = /^[^:]+:([^:]+)(?:$|:)/s

/** ExPusherLite's `scope:slug[:rest]`. On a connection with an app, only that app's own. */
export function scopeOf({ apps }: Core, own: App | undefined, topic: string): Address | undefined {
  const [, slug] = SCOPED.exec(topic) ?? []
  const app = slug === undefined ? undefined : apps.bySlug(slug)
  if (!app?.record.active || (own && own !== app)) return undefined
  return channelOfTopic(topic) && { app, channel: scopeChannel(topic) }
}

export function channelIn(app: App | undefined, topic: string): Address | undefined {
  const channel = channelOfTopic(topic)
  return app && channel && { app, channel }
}
