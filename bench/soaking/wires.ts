/**
 * WIRES: what the clients of a soak send and receive, by protocol. Events carry `{"n":NUMBER}`.
 */

/** What a text of the server means. */
export type Heard =
  | { readonly type: 'hello' }
  | { readonly type: 'joined'; readonly channel: string }
  | { readonly type: 'number'; readonly channel: string; readonly number: number }

export type Wire = {
  readonly query: string
  readonly join: (channel: string, ref: string) => string
  readonly part: (channel: string, ref: string) => string
  /** Undefined for what is not about channels. @throws Error for a refusal */
  readonly read: (text: string) => Heard | undefined
}

const EVENT = 'soak'

export const formatEvent = (channel: string, number: number): string =>
  JSON.stringify({ name: EVENT, channel, data: JSON.stringify({ n: number }) })

type PusherFrame = { readonly event: string; readonly channel?: string; readonly data?: unknown }

function readPusher(text: string): Heard | undefined {
  const { event, channel = '', data } = JSON.parse(text) as PusherFrame
  if (event === 'pusher:connection_established') return { type: 'hello' }
  if (event === 'pusher_internal:subscription_succeeded') return { type: 'joined', channel }
  if (event === EVENT)
    return { type: 'number', channel, number: (JSON.parse(String(data)) as { n: number }).n }
  if (event === 'pusher:error') throw new Error(text)
  return undefined
}

type Payload = { readonly n?: number; readonly status?: string }

function readPhoenix(topic: string, event: string, payload: Payload): Heard | undefined {
  if (event === EVENT) return { type: 'number', channel: topic, number: payload.n ?? NaN }
  if (event !== 'phx_reply') return undefined
  if (payload.status !== 'ok') throw new Error(`${topic}: ${JSON.stringify(payload)}`)
  return { type: 'joined', channel: topic }
}

/** The ref of a part, by which its answer is told from that of a join. */
const PART = 'part'

export const WIRES = {
  pusher: {
    query: 'protocol=7&client=bench&version=1',
    join: (channel) => JSON.stringify({ event: 'pusher:subscribe', data: { channel } }),
    part: (channel) => JSON.stringify({ event: 'pusher:unsubscribe', data: { channel } }),
    read: readPusher,
  },
  'phoenix 1': {
    query: 'vsn=1.0.0',
    join: (topic, ref) => JSON.stringify({ topic, event: 'phx_join', payload: {}, ref }),
    part: (topic, ref) =>
      JSON.stringify({ topic, event: 'phx_leave', payload: {}, ref: PART + ref }),
    read: (text) => {
      const { topic, event, payload, ref } = JSON.parse(text)
      return String(ref).startsWith(PART) ? undefined : readPhoenix(topic, event, payload)
    },
  },
  'phoenix 2': {
    query: 'vsn=2.0.0',
    join: (topic, ref) => JSON.stringify([ref, ref, topic, 'phx_join', {}]),
    part: (topic, ref) => JSON.stringify([ref, PART + ref, topic, 'phx_leave', {}]),
    read: (text) => {
      const [, ref, topic, event, payload] = JSON.parse(text)
      return String(ref).startsWith(PART) ? undefined : readPhoenix(topic, event, payload)
    },
  },
} as const satisfies Record<string, Wire>
