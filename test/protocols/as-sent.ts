/**
 * JSON that comes out of `JSON.parse` and `JSON.stringify` otherwise than it went in, and the wires that
 * carry it, spoken to in texts.
 */
import { expect } from 'bun:test'
import { pluginOf, type TestServer } from '../harness'
import { allow } from '../../src/plugin'
import { KEY, phoenixRaw, type PhoenixOptions } from '../phoenix'
import { open } from '../transports/longpoll-client'
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

/** Somebody at the other end of a wire. */
export type Peer = {
  readonly say: (frame: string) => unknown
  readonly next: () => Promise<string>
}
export type Connect = (server: TestServer) => Promise<Peer>

const phoenix =
  (options: PhoenixOptions): Connect =>
  async (server) => {
    const { client } = await phoenixRaw(server, options)
    return { say: (frame) => client.send(frame), next: () => client.next() }
  }

/** One after the other, of what comes several at a time. */
function queued(more: () => Promise<readonly string[]>): () => Promise<string> {
  const frames: string[] = []
  return async () => {
    while (frames.length === 0) frames.push(...(await more()))
    return frames.shift()!
  }
}

export const PUSHER: Readonly<Record<string, Connect>> = {
  'Pusher, WebSocket': async (server) => {
    const client = await server.raw()
    return { say: (frame) => client.send(frame), next: () => client.next() }
  },
  'Pusher, HTTP': async (server) => {
    const client = await new XhrClient(server).open()
    return { say: (frame) => client.send(frame), next: queued(() => client.messages(1)) }
  },
}
export const PHOENIX_V1: Readonly<Record<string, Connect>> = {
  'Phoenix V1': phoenix({ version: 1, query: KEY }),
}
export const PHOENIX_V2: Readonly<Record<string, Connect>> = {
  'Phoenix V2': phoenix({ query: KEY }),
  'Phoenix, long-poll': async (server) => {
    const session = await open(server)
    const say = (frame: string) => session.say(frame, 'application/json') // it may have line ends
    return { say, next: queued(async () => (await session.poll()).messages) }
  },
}

// ---------------------------------------------------------------- events on one channel

export const CHANNEL = 'private-room'

/** Takes the word of whoever brings no signature. */
export const TRUSTING = pluginOf('trusting', {
  authorize: (_, { auth, channelData }) =>
    auth === 'trust me' ? allow(channelData === undefined ? {} : { channelData }) : undefined,
})

/** An event as those get it whose data is `json`, and as those get it whose payloads are values, or objects. */
export type Said = { readonly event: string; readonly json?: string; readonly value: string }

type Kind = {
  readonly connect: Connect
  readonly join: string
  readonly hears: (said: Said) => string
}

const asObject = ({ value }: Said): string => (value.startsWith('{') ? value : `{"data":${value}}`)

const pusherKind = {
  join: `{"event":"pusher:subscribe","data":{"channel":"${CHANNEL}","auth":"trust me"}}`,
  hears: ({ event, json }: Said) =>
    `{"event":"${event}","channel":"${CHANNEL}"${json === undefined ? '' : `,"data":${json}`}}`,
}
const v1Kind = {
  join: `{"topic":"${CHANNEL}","event":"phx_join","payload":{"auth":"trust me"},"ref":"1"}`,
  hears: (said: Said) =>
    `{"topic":"${CHANNEL}","event":"${said.event}","payload":${asObject(said)},"ref":null}`,
}
const v2Kind = {
  join: `["1","1","${CHANNEL}","phx_join",{"auth":"trust me"}]`,
  hears: (said: Said) => `[null,null,"${CHANNEL}","${said.event}",${asObject(said)}]`,
}

const KINDS: Readonly<Record<string, Kind>> = {
  ...kinds(PUSHER, pusherKind),
  ...kinds(PHOENIX_V1, v1Kind),
  ...kinds(PHOENIX_V2, v2Kind),
  PushEx: {
    ...v2Kind,
    connect: phoenix({ mount: '/push_socket', query: KEY }),
    hears: ({ event, value }) =>
      `[null,null,"${CHANNEL}","msg",{"data":${value},"event":"${event}"}]`,
  },
  'a scope of ExPusherLite': {
    connect: phoenix({}),
    join: '["1","1","private:test-app","phx_join",{"auth":"trust me"}]',
    hears: (said) => `[null,null,"private:test-app","room:${said.event}",${asObject(said)}]`,
  },
}

function kinds(wires: Readonly<Record<string, Connect>>, kind: Omit<Kind, 'connect'>) {
  return Object.fromEntries(
    Object.entries(wires).map(([wire, connect]) => [wire, { ...kind, connect }]),
  )
}

/** Somebody on the channel by the wire. */
export async function joined(server: TestServer, wire: string): Promise<Peer> {
  const { connect, join } = KINDS[wire]!
  const peer = await connect(server)
  await peer.say(join)
  await peer.next()
  return peer
}

/** One on each wire there is, for a server with `TRUSTING`; the answer checks what all of them hear next. */
export async function everybody(server: TestServer): Promise<(said: Said) => Promise<void>> {
  const app = server.core.apps.byId('1')!
  server.core.apps.change(
    app,
    { ...app.record, dialects: { ...app.record.dialects, eplBridge: true } },
    0,
  )
  const peers: [wire: string, peer: Peer][] = []
  for (const wire of Object.keys(KINDS)) peers.push([wire, await joined(server, wire)])
  return async (said) => {
    const heard = peers.map(async ([wire, peer]) => [wire, await peer.next()] as const)
    expect(await Promise.all(heard)).toEqual(
      Object.entries(KINDS).map(([wire, { hears }]) => [wire, hears(said)] as const),
    )
  }
}
