/**
 * FORMATS: the wire formats that subscribers of a swarm can speak. A format is a row: where it
 * connects, how it subscribes, and the markers by which the server's answers are recognised.
 */
import type { App } from './sides'

export type Subscription = {
  readonly channel: string
  /** The signature, for private and presence channels. */
  readonly auth?: string
  readonly channelData?: string
}

export type Format = {
  readonly path: (app: App) => string
  /** What a client sends as soon as it is connected. */
  readonly greeting?: string
  /** A frame may hold several texts, one a line. */
  readonly inLines?: true
  readonly subscribe: (subscription: Subscription) => string
  readonly pong: string
  /** Markers, each in one kind of the server's texts and in no other. Without a hello clients begin to send. */
  readonly markers: {
    readonly hello: string | undefined
    readonly joined: string
    readonly ping: string | undefined
  }
}

/** Phoenix's: no hello; who is silent is closed after a minute, which no load takes. */
const phoenix = (version: string, join: (topic: string) => unknown): Format => ({
  path: (app) => `/socket/websocket?app_key=${app.key}&vsn=${version}`,
  subscribe: ({ channel }) => JSON.stringify(join(channel)),
  pong: '',
  markers: { hello: undefined, joined: '"status":"ok"', ping: undefined },
})

export const FORMATS = {
  pusher: {
    path: (app) => `/app/${app.key}?protocol=7&client=bench&version=1`,
    subscribe: ({ channel, auth, channelData }) =>
      JSON.stringify({
        event: 'pusher:subscribe',
        data: { channel, auth, channel_data: channelData },
      }),
    pong: '{"event":"pusher:pong","data":"{}"}',
    markers: { hello: 'connection_established', joined: 'subscription_succeeded', ping: ':ping"' },
  },
  /** Its JSON protocol. A ping is an empty object and so is the answer. */
  centrifugo: {
    path: () => '/connection/websocket',
    greeting: '{"id":1,"connect":{}}',
    inLines: true,
    subscribe: ({ channel }) => JSON.stringify({ id: 2, subscribe: { channel } }),
    pong: '{}',
    markers: { hello: '"connect":{', joined: '"subscribe":{', ping: '{}' },
  },
  'phoenix 1': phoenix('1.0.0', (topic) => ({ topic, event: 'phx_join', payload: {}, ref: '1' })),
  'phoenix 2': phoenix('2.0.0', (topic) => ['1', '1', topic, 'phx_join', {}]),
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof FORMATS
