/**
 * All that a plugin imports: the types of its hooks, and the words to answer with.
 *
 * A hook that answers nothing passes. `connect` and `authorize` may return a promise, within the
 * gate's time limit; `clientEvent` and `publish` are on the hot path and may not. A throw refuses.
 */
import type { Allow, Plugin, Reject } from './core/hooks'

export type {
  Allow,
  ClientEventView,
  ConnectionView,
  ConnectRequest,
  Plugin,
  PublishView,
  Reject,
  SubscribeRequest,
} from './core/hooks'

/** Checks a plugin's shape as it is written. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin
}

/** Refuses, with a text that the client is shown. */
export function reject(message: string): Reject {
  return { type: 'reject', message }
}

/**
 * Lets a subscriber in without a signature. On a presence channel `channelData` (JSON) must say who it
 * is; without it the signature decides as if nobody had answered.
 */
export function allow({ channelData }: { channelData?: string } = {}): Allow {
  return { type: 'allow', channelData }
}
