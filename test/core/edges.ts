/**
 * A room full of subscribers on every wire, served in more turns than one, and one more who is about to
 * move or to end; what it hears, whatever carries it.
 */
import { SHARD_SIZE } from '../../src/core/audience'
import type { Client } from '../../src/protocols/codec'
import { receiveFrame } from '../../src/protocols/session'
import type { QueuedSink } from '../../src/transports/queued-sink'
import { waitFor, type RawClient, type TestServer } from '../harness'
import { KEY, phoenixRaw } from '../phoenix'
import { ask } from '../transports/longpoll-client'
import { messagesOf, XhrClient } from '../transports/xhr-client'

/** Who is about to move or to end. */
export type Subject = {
  readonly conn: Client
  /** As if the frame came over its wire in this turn of the loop. */
  readonly say: (frame: string) => void
  /** From now on it listens; answers with how to read all that it was told since. */
  readonly listens: () => Promise<() => Promise<readonly string[]>>
}

/** How somebody joins `room`. */
export const WIRES: Readonly<Record<string, (server: TestServer) => Promise<Subject>>> = {
  pusher: async (server) => {
    const client = await server.raw()
    await client.join('room')
    return overSocket(server, client, '{"event":"pusher:ping"}', 'pusher:pong')
  },
  'phoenix 1': (server) => phoenix(server, 1),
  'phoenix 2': (server) => phoenix(server, 2),
  xhr: async (server) => {
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    await client.messages(1)
    return polled(server, () => client.poll().then((lines) => lines.flatMap(messagesOf)))
  },
  'long-poll': async (server) => {
    const { token } = await ask(server)
    const session = `&token=${token}`
    await ask(server, { method: 'POST', body: '["1","1","room","phx_join",{}]' }, session)
    await ask(server, {}, session)
    return polled(server, () => ask(server, {}, session).then(({ messages }) => messages))
  },
}

async function phoenix(server: TestServer, version: 1 | 2): Promise<Subject> {
  const raw = await phoenixRaw(server, { query: KEY, version })
  await raw.join('room')
  const beat = { topic: 'phoenix', event: 'heartbeat', payload: {}, ref: 'beat' }
  const text = version === 1 ? JSON.stringify(beat) : '[null,"beat","phoenix","heartbeat",{}]'
  return overSocket(server, raw.client, text, '"beat"')
}

function subjectOf({ core }: TestServer, listens: Subject['listens']): Subject {
  const conn = [...core.hub.connections()].at(-1) as Client
  return { conn, say: (frame) => receiveFrame(core, conn, frame), listens }
}

/** Until the heartbeat is answered, or the socket has closed. */
function overSocket(server: TestServer, client: RawClient, beat: string, echo: string): Subject {
  const read = async (): Promise<readonly string[]> => {
    const frames: string[] = []
    client.send(beat)
    const over = client.closed.then(() => echo)
    for (;;) {
      const frame = await Promise.race([client.next(), over])
      if (frame.includes(echo)) return [...frames, ...client.frames.unread]
      frames.push(frame)
    }
  }
  return subjectOf(server, async () => read)
}

/** What one request brings, which waits before anything happens. */
function polled(server: TestServer, poll: () => Promise<readonly string[]>): Subject {
  const subject = subjectOf(server, async () => {
    const polling = poll()
    while (!(subject.conn.sink as QueuedSink).session.isReady) await server.http('/up')
    return () => waitFor('the answer of a request', polling)
  })
  return subject
}

/** More than one shard of each wire is in the room. */
export async function fillRoom(server: TestServer, wires = Object.values(WIRES)): Promise<void> {
  for (const join of wires)
    await Promise.all(Array.from({ length: SHARD_SIZE.small + 4 }, () => join(server)))
}
