/**
 * JSON that comes out of `JSON.parse` and `JSON.stringify` otherwise than it went in, and the wires that
 * carry it, spoken to in texts.
 */
import { expect } from 'bun:test'
import { makePlugin, type TestServer } from '../harness'
import { allow } from '../../src/plugin'
import { KEY, connectPhoenix, type PhoenixOptions } from '../phoenix'
import { openSession } from '../transports/longpoll-client'
import { XhrClient } from '../transports/xhr-client'

export const OBJECTS: readonly string[] = [
  '{"id":1234567890123456789,"price":1.0,"e":1E2}',
  '{"minus":-0,"bits":1152921504606846976,"none":1e-400,"all":1e400}',
  '{"2":1,"1":2,"b":0,"a":{"10":[],"9":{}}}',
  '{"a":1,"a":2}',
  '{ "a" :\n[ 1 ,\t2 ] }',
  '{"half":"\\ud800","slash":"\\/","letter":"\\u0041","語":"é😀"}',
  '{"__proto__":{"a":1.0},"constructor":-0}',
]
export const VALUES: readonly string[] = [
  ...OBJECTS,
  '[1.0, -0,1E2 ,1152921504606846977]',
  '12345678901234567890',
  '-0',
  '1.50',
  'true',
]

/** A client on any wire, which sends and reads texts. */
export type Peer = {
  readonly send: (frame: string) => unknown
  readonly next: () => Promise<string>
}
export type Connect = (server: TestServer) => Promise<Peer>

const phoenix =
  (options: PhoenixOptions): Connect =>
  async (server) => {
    const { client } = await connectPhoenix(server, options)
    return { send: (frame) => client.send(frame), next: () => client.next() }
  }

/** Makes a function that returns one frame at a time of those that arrive together. */
function makeQueue(more: () => Promise<readonly string[]>): () => Promise<string> {
  const frames: string[] = []
  return async () => {
    while (frames.length === 0) frames.push(...(await more()))
    return frames.shift()!
  }
}

export const PUSHER: Readonly<Record<string, Connect>> = {
  'Pusher, WebSocket': async (server) => {
    const client = await server.raw()
    return { send: (frame) => client.send(frame), next: () => client.next() }
  },
  'Pusher, HTTP': async (server) => {
    const client = await new XhrClient(server).open()
    return { send: (frame) => client.send(frame), next: makeQueue(() => client.messages(1)) }
  },
}
export const PHOENIX_V1: Readonly<Record<string, Connect>> = {
  'Phoenix V1': phoenix({ version: 1, query: KEY }),
}
export const PHOENIX_V2: Readonly<Record<string, Connect>> = {
  'Phoenix V2': phoenix({ query: KEY }),
  'Phoenix, long-poll': async (server) => {
    const session = await openSession(server)
    const send = (frame: string) => session.send(frame, 'application/json') // it may have line ends
    return { send, next: makeQueue(async () => (await session.poll()).messages) }
  },
}

// ---------------------------------------------------------------- events on one channel

export const CHANNEL = 'private-room'

/** A plugin that admits clients without a signature. */
export const TRUSTING = makePlugin('trusting', {
  authorize: (_, { auth, channelData }) =>
    auth === 'trust me' ? allow(channelData === undefined ? {} : { channelData }) : undefined,
})

/** An event as those get it whose data is `json`, and as those get it whose payloads are values, or objects. */
export type SentEvent = { readonly event: string; readonly json?: string; readonly value: string }

type Kind = {
  readonly connect: Connect
  readonly join: string
  readonly formatReceived: (event: SentEvent) => string
}

const wrapObject = ({ value }: SentEvent): string =>
  value.startsWith('{') ? value : `{"data":${value}}`

const pusherKind = {
  join: `{"event":"pusher:subscribe","data":{"channel":"${CHANNEL}","auth":"trust me"}}`,
  formatReceived: ({ event, json }: SentEvent) =>
    `{"event":"${event}","channel":"${CHANNEL}"${json === undefined ? '' : `,"data":${json}`}}`,
}
const v1Kind = {
  join: `{"topic":"${CHANNEL}","event":"phx_join","payload":{"auth":"trust me"},"ref":"1"}`,
  formatReceived: (event: SentEvent) =>
    `{"topic":"${CHANNEL}","event":"${event.event}","payload":${wrapObject(event)},"ref":null}`,
}
const v2Kind = {
  join: `["1","1","${CHANNEL}","phx_join",{"auth":"trust me"}]`,
  formatReceived: (event: SentEvent) =>
    `[null,null,"${CHANNEL}","${event.event}",${wrapObject(event)}]`,
}

const KINDS: Readonly<Record<string, Kind>> = {
  ...makeKinds(PUSHER, pusherKind),
  ...makeKinds(PHOENIX_V1, v1Kind),
  ...makeKinds(PHOENIX_V2, v2Kind),
  PushEx: {
    ...v2Kind,
    connect: phoenix({ mount: '/push_socket', query: KEY }),
    formatReceived: ({ event, value }) =>
      `[null,null,"${CHANNEL}","msg",{"data":${value},"event":"${event}"}]`,
  },
  'a scope of ExPusherLite': {
    connect: phoenix({}),
    join: '["1","1","private:test-app","phx_join",{"auth":"trust me"}]',
    formatReceived: (event) =>
      `[null,null,"private:test-app","room:${event.event}",${wrapObject(event)}]`,
  },
}

function makeKinds(wires: Readonly<Record<string, Connect>>, kind: Omit<Kind, 'connect'>) {
  return Object.fromEntries(
    Object.entries(wires).map(([wire, connect]) => [wire, { ...kind, connect }]),
  )
}

/** Joins the channel by a wire. */
export async function joinWire(server: TestServer, wire: string): Promise<Peer> {
  const { connect, join } = KINDS[wire]!
  const peer = await connect(server)
  await peer.send(join)
  await peer.next()
  return peer
}

/** Joins by every wire, on a server with `TRUSTING`. Returns a check of the next frame of each. */
export async function joinEveryWire(
  server: TestServer,
): Promise<(event: SentEvent) => Promise<void>> {
  const app = server.core.apps.byId('1')!
  server.core.apps.change(
    app,
    { ...app.record, dialects: { ...app.record.dialects, eplBridge: true } },
    0,
  )
  const peers: [wire: string, peer: Peer][] = []
  for (const wire of Object.keys(KINDS)) peers.push([wire, await joinWire(server, wire)])
  return async (event) => {
    const heard = peers.map(async ([wire, peer]) => [wire, await peer.next()] as const)
    expect(await Promise.all(heard)).toEqual(
      Object.entries(KINDS).map(
        ([wire, { formatReceived }]) => [wire, formatReceived(event)] as const,
      ),
    )
  }
}
