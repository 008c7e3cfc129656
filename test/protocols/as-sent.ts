/**
 * JSON that comes out of `JSON.parse` and `JSON.stringify` otherwise than it went in, and the wires that
 * carry it, spoken to in texts.
 */
import type { TestServer } from '../harness'
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
    return { say: session.say, next: queued(async () => (await session.poll()).messages) }
  },
}
