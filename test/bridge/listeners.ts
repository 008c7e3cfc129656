/** Every kind of subscriber there is, each listening to what is published on `room` of the test app. */
import type { TestServer } from '../harness'
import { KEY, connectPhoenix, type Wire } from '../phoenix'
import { XhrClient } from '../transports/xhr-client'

export type Listener = {
  /** The next frame, decoded. */
  next(): Promise<unknown>
  /** Proves that nothing else was on its way. */
  expectNothing(): Promise<void>
  close(): Promise<void>
}

const CHANNEL = 'room'
const GROUP = 'public:test-app'

type Phoenix = { readonly mount?: string; readonly version: 1 | 2; readonly query?: string }

async function connectPhoenixListener(
  server: TestServer,
  options: Phoenix,
  topic: string,
): Promise<Listener> {
  const client = await connectPhoenix(server, options)
  await client.join(topic)
  return {
    next: () => client.next(),
    expectNothing: () => client.expectNothing(),
    close: () => client[Symbol.asyncDispose](),
  }
}

async function connectSocket(server: TestServer): Promise<Listener> {
  const client = await server.raw()
  await client.subscribed(CHANNEL)
  return {
    next: () => client.nextJson(),
    expectNothing: () => client.expectNothing(),
    close: () => client[Symbol.asyncDispose](),
  }
}

async function connectXhr(server: TestServer): Promise<Listener> {
  const client = await new XhrClient(server).open()
  await client.subscribe(CHANNEL)
  await client.messages(1)
  const waiting: string[] = []
  const next = async (): Promise<unknown> => {
    if (waiting.length === 0) waiting.push(...(await client.messages(1)))
    return JSON.parse(waiting.shift()!)
  }
  return {
    next,
    expectNothing: async () => {
      await client.send({ event: 'pusher:ping', data: {} })
      const frame = (await next()) as { event: string }
      if (frame.event !== 'pusher:pong') throw new Error(`expected nothing, got ${frame.event}`)
    },
    close: async () => undefined,
  }
}

async function connectLongPoll(server: TestServer): Promise<Listener> {
  const path = `/socket/longpoll?${KEY}&vsn=2.0.0`
  const { token } = (await (await server.http(path)).json()) as { token: string }
  const session = `${path}&token=${token}`
  const waiting: Wire[] = []
  const next = async (): Promise<Wire> => {
    while (waiting.length === 0) {
      const { messages } = (await (await server.http(session)).json()) as { messages: string[] }
      waiting.push(...messages.map((text) => JSON.parse(text)))
    }
    return waiting.shift()!
  }
  const send = (frame: Wire) =>
    server.http(session, { method: 'POST', body: JSON.stringify(frame) })
  await send(['1', '1', CHANNEL, 'phx_join', {}])
  await next()
  return {
    next,
    expectNothing: async () => {
      await send([null, 'h', 'phoenix', 'heartbeat', {}])
      const [, ref, , event] = await next()
      if (ref !== 'h') throw new Error(`expected nothing, got ${event}`)
    },
    close: async () => undefined,
  }
}

type Kind = {
  readonly listen: (server: TestServer) => Promise<Listener>
  /** What it hears of an event on the channel with data that is an object. */
  readonly hears: (event: string, data: object) => unknown
}

const formatNative = (none: null | undefined) => (event: string, data: object) => [
  none,
  null,
  CHANNEL,
  event,
  data,
]
const formatGroup = (none: null | undefined) => (event: string, data: object) => [
  none,
  null,
  GROUP,
  `${CHANNEL}:${event}`,
  data,
]
const formatNested = (none: null | undefined) => (event: string, data: object) => [
  none,
  null,
  CHANNEL,
  'msg',
  { data, event },
]
const formatPusher = (event: string, data: object) => ({
  event,
  channel: CHANNEL,
  data: JSON.stringify(data),
})

export const KINDS: Readonly<Record<string, Kind>> = {
  'Pusher, WebSocket': { listen: connectSocket, hears: formatPusher },
  'Pusher, HTTP': { listen: connectXhr, hears: formatPusher },
  'native V1': {
    listen: (server) => connectPhoenixListener(server, { version: 1, query: KEY }, CHANNEL),
    hears: formatNative(undefined),
  },
  'native V2': {
    listen: (server) => connectPhoenixListener(server, { version: 2, query: KEY }, CHANNEL),
    hears: formatNative(null),
  },
  'ExPusherLite V1': {
    listen: (server) => connectPhoenixListener(server, { version: 1 }, GROUP),
    hears: formatGroup(undefined),
  },
  'ExPusherLite V2': {
    listen: (server) => connectPhoenixListener(server, { version: 2 }, GROUP),
    hears: formatGroup(null),
  },
  'PushEx V1': {
    listen: (server) =>
      connectPhoenixListener(server, { version: 1, mount: '/push_socket' }, CHANNEL),
    hears: formatNested(undefined),
  },
  'PushEx V2': {
    listen: (server) =>
      connectPhoenixListener(server, { version: 2, mount: '/push_socket' }, CHANNEL),
    hears: formatNested(null),
  },
  'long-poll V2': { listen: connectLongPoll, hears: formatNative(null) },
}

export type Heard = {
  readonly kind: string
  readonly listener: Listener
  readonly hears: Kind['hears']
}

/** Connects one listener of each kind, or of those that are named. */
export async function connectEveryKind(
  server: TestServer,
  kinds = Object.keys(KINDS),
): Promise<Heard[]> {
  const all: Heard[] = []
  for (const kind of kinds) {
    const { listen, hears } = KINDS[kind]!
    all.push({ kind, listener: await listen(server), hears })
  }
  return all
}
