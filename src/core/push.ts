/**
 * Push: what plugins are told of one by PushEx's API: each channel that was pushed to, and each subscriber
 * that it goes to. Where nobody watches, it costs two length checks.
 * Spec: phoenix contract 3.2.
 */
import type { App } from './apps'
import type { Connection } from './connection'
import type { Core } from './core'
import { tell } from './hooks'
import { jsonText } from './json'
import type { PushView } from './plugin'
import { each } from './slices'
import type { ChannelName } from './types'
import { appView } from './views'

export type Pushed = {
  readonly channels: readonly ChannelName[]
  readonly event: string
  /** The text that Pusher's subscribers get. */
  readonly data: string
}

/** It has been published. */
export function tellPushed(core: Core, app: App, { channels, event, data }: Pushed): void {
  const { pushRequested, pushDelivered } = core.hooks
  if (pushRequested.length === 0 && pushDelivered.length === 0) return
  for (const channel of channels) {
    const view: PushView = { channel, event, data: jsonText(data), at: core.clock.now() }
    tell(core, pushRequested, appView(app), view)
    if (pushDelivered.length === 0) continue
    const listeners = core.hub.listeners(app, channel)
    const delivered = (conn: Connection) => conn.closed || tell(core, pushDelivered, conn, view)
    core.slices.add(each('push', listeners, delivered))
  }
}
