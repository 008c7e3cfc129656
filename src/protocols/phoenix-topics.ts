/**
 * Topics: the app and the channel that each names.
 * Spec: phoenix contract 2.5, 3.3, 4.1.
 */
import type { App } from '../core/app'
import { isEncrypted } from '../core/channel'
import type { ChannelName } from '../core/types'

export type Address = { readonly app: App; readonly channel: ChannelName }

/** The longest that fits into a binary frame. */
const MAX_TOPIC_BYTES = 255
/**
 * A signature covers `socketId:channel[:channel_data]`, and `channel_data` is a JSON object. A name with
 * `:{` in it could be signed as one thing and used as the other.
 */
const HOLDS_CHANNEL_DATA = /:[\t\n\r ]*\{/
/** The topic of heartbeats. */
const HEARTBEAT_TOPIC = 'phoenix'

/**
 * The channel that a Phoenix topic or a PushEx channel names: free text, but for reserved names, which
 * give undefined.
 */
export function channelOfTopic(topic: string): ChannelName | undefined {
  if (topic === '' || topic === HEARTBEAT_TOPIC || topic.startsWith('#')) return undefined
  if (topic.length > MAX_TOPIC_BYTES || Buffer.byteLength(topic) > MAX_TOPIC_BYTES) return undefined
  if (!topic.isWellFormed() || HOLDS_CHANNEL_DATA.test(topic)) return undefined
  // Only those who have the key can read an encrypted channel, and no Phoenix client does.
  return isEncrypted(topic) ? undefined : (topic as ChannelName)
}

/** The channel of the app that a topic names; undefined without either. */
export function channelIn(app: App | undefined, topic: string): Address | undefined {
  const channel = channelOfTopic(topic)
  return app && channel && { app, channel }
}
