/**
 * A room full of subscribers on every wire, served in more turns than one, and one more who is about to
 * move or to end; what it hears, whatever carries it.
 */
import { SHARD_SIZE } from '../../src/core/audience'
import type { Client } from '../../src/protocols/codec'
import { receiveFrame } from '../../src/protocols/session'
import type { QueuedSink } from '../../src/transports/queued-sink'
import { waitFor, type RawClient, type TestServer } from '../harness'
import { KEY, connectPhoenix } from '../phoenix'
import { request } from '../transports/longpoll-client'
import { messagesOf, XhrClient } from '../transports/xhr-client'

/** The connection that is about to move or to end. */
export type Subject = {
  readonly conn: Client
  /** Receives a frame as if it had arrived over the wire in this turn of the loop. */
  readonly receive: (frame: string) => void
  /** Listens from now on. Resolves with a function that reads all frames since then. */
  readonly listen: () => Promise<() => Promise<readonly string[]>>
}

/** WIRES: how a connection joins `room` on each. */
export const WIRES: Readonly<Record<string, (server: TestServer) => Promise<Subject>>> = {
  pusher: async (server) => {
    const client = await server.raw()
    await client.subscribed('room')
    return makeSocketSubject(server, client, '{"event":"pusher:ping"}', 'pusher:pong')
  },
  'phoenix 1': (server) => joinPhoenix(server, 1),
  'phoenix 2': (server) => joinPhoenix(server, 2),
  xhr: async (server) => {
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    await client.messages(1)
    return makePolledSubject(server, () => client.poll().then((lines) => lines.flatMap(messagesOf)))
  },
  'long-poll': async (server) => {
    const { token } = await request(server)
    const session = `&token=${token}`
    await request(server, { method: 'POST', body: '["1","1","room","phx_join",{}]' }, session)
    await request(server, {}, session)
    return makePolledSubject(server, () =>
      request(server, {}, session).then(({ messages }) => messages),
    )
  },
}

async function joinPhoenix(server: TestServer, version: 1 | 2): Promise<Subject> {
  const raw = await connectPhoenix(server, { query: KEY, version })
  await raw.join('room')
  const beat = { topic: 'phoenix', event: 'heartbeat', payload: {}, ref: 'beat' }
  const text = version === 1 ? JSON.stringify(beat) : '[null,"beat","phoenix","heartbeat",{}]'
  return makeSocketSubject(server, raw.client, text, '"beat"')
}

function subjectOf({ core }: TestServer, listen: Subject['listen']): Subject {
  const conn = [...core.hub.connections()].at(-1) as Client
  return { conn, receive: (frame) => receiveFrame(core, conn, frame), listen }
}

/** Until the heartbeat is answered, or the socket has closed. */
function makeSocketSubject(
  server: TestServer,
  client: RawClient,
  beat: string,
  echo: string,
): Subject {
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
function makePolledSubject(server: TestServer, poll: () => Promise<readonly string[]>): Subject {
  const subject = subjectOf(server, async () => {
    const polling = poll()
    while (!(subject.conn.sink as QueuedSink).session.isReady) await server.http('/up')
    return () => waitFor('the answer of a request', polling)
  })
  return subject
}

/** Fills the room with more than one shard of each wire. */
export async function fillRoom(server: TestServer, wires = Object.values(WIRES)): Promise<void> {
  for (const join of wires)
    await Promise.all(Array.from({ length: SHARD_SIZE.small + 4 }, () => join(server)))
}
