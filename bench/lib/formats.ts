/**
 * FORMATS: the wire formats that subscribers of a swarm can speak. A format is a row: where it
 * connects, how it subscribes, and the words by which the server's answers are told apart.
 */
import type { App } from './sides'

export type Subscription = {
  readonly channel: string
  /** Of private and presence channels. */
  readonly auth?: string
  readonly channelData?: string
}

export type Format = {
  readonly path: (app: App) => string
  readonly subscribe: (subscription: Subscription) => string
  readonly pong: string
  /** What is in the server's texts, and in no other of them. */
  readonly words: { readonly hello: string; readonly joined: string; readonly ping: string }
}

export const FORMATS = {
  pusher: {
    path: (app) => `/app/${app.key}?protocol=7&client=bench&version=1`,
    subscribe: ({ channel, auth, channelData }) =>
      JSON.stringify({
        event: 'pusher:subscribe',
        data: { channel, auth, channel_data: channelData },
      }),
    pong: '{"event":"pusher:pong","data":{}}',
    words: { hello: 'connection_established', joined: 'subscription_succeeded', ping: ':ping"' },
  },
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof FORMATS
