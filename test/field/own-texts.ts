/**
 * Prints by how many bytes the heap has grown for each row, as JSON. A process of its own: what others leave behind in one
 * is more.
 */
import { heapStats } from 'bun:jsc'
import { start, OWN_APP, type RawClient } from '../harness'
import { KEY, connectPhoenix } from '../phoenix'
import { openSession } from '../transports/longpoll-client'
import { PUSHER } from '../protocols/as-sent'

const COUNT = 100
const PADDING = 'x'.repeat(30_000)
const server = await start()

/** The least of three: what is left goes meanwhile. */
async function heapBytes(): Promise<number> {
  let least = Infinity
  for (let reading = 0; reading < 3; reading++) {
    Bun.gc(true)
    least = Math.min(least, heapStats().heapSize)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return least
}

/** Subscribes to a channel by a long frame. Resolves with the answer. */
type Subscriber = (channel: string) => Promise<unknown>
const phoenix =
  (version: 1 | 2, frame: (topic: string) => string) => async (): Promise<Subscriber> => {
    const { client } = await connectPhoenix(server, { version, query: KEY })
    return (topic) => (client.send(frame(topic)), client.next())
  }
const join = (topic: string): string =>
  `["a-reference-of-a-join","a-reference-of-a-message","${topic}","phx_join",{"padding":"${PADDING}"}]`

const ROWS: Readonly<Record<string, () => Promise<Subscriber>>> = {
  'Pusher, WebSocket': () => pusher('Pusher, WebSocket'),
  'Pusher, HTTP': () => pusher('Pusher, HTTP'),
  'Pusher, presence': async () => {
    const client = await server.raw()
    return (name) => {
      const channel = `presence-${name}`
      const userData = `{"user_id":"a-user-with-a-long-name","user_info":{"name":"somebody"},"padding":"${PADDING}"}`
      return client.subscribed(channel, server.sign(client, channel, userData), userData)
    }
  },
  'a sign-in': async () => async (id) => {
    const client = await server.raw()
    server.signin(client, `{"id":"${id}","user_info":{"a":"of somebody"},"padding":"${PADDING}"}`)
    return client.next()
  },
  'Phoenix V1': phoenix(
    1,
    (topic) =>
      `{"topic":"${topic}","event":"phx_join","payload":{"padding":"${PADDING}"},"ref":"a-reference"}`,
  ),
  'Phoenix V2': phoenix(2, join),
  'Phoenix, long-poll': async () => {
    const session = await openSession(server)
    return async (topic) => {
      await session.send(join(topic), 'application/json')
      return session.poll()
    }
  },
}

async function pusher(wire: string): Promise<Subscriber> {
  const peer = await PUSHER[wire]!(server)
  return async (channel) => {
    await peer.send(
      `{"event":"pusher:subscribe","data":{"channel":"${channel}","padding":"${PADDING}"}}`,
    )
    return peer.next()
  }
}

/** Bytes for each byte that was sent and is not to be kept. */
const grown: Record<string, number> = {}

for (const [wire, connect] of Object.entries(ROWS)) {
  const subscribe = await connect()
  const name = (index: number): string => `a-channel-of-${wire.replace(/\W+/g, '-')}-${index}`
  for (let index = 0; index < 3; index++) await subscribe(name(index))
  const before = await heapBytes()
  for (let index = 3; index < COUNT; index++) await subscribe(name(index))
  grown[wire] = ((await heapBytes()) - before) / (COUNT * PADDING.length)
}

/** The address of a connection, in a long X-Forwarded-For. */
async function growByAddresses(): Promise<number> {
  const config = { trustedProxies: ['127.0.0.1'] }
  await using proxied = await start({ config, apps: [{ ...OWN_APP, name: 'some app' }] })
  const length = 15_000
  const clients: RawClient[] = []
  const connect = async (): Promise<void> => {
    const headers = { 'x-forwarded-for': `${'x'.repeat(length)}, 2001:db8:1234:5678::1` }
    clients.push(await proxied.raw({ path: `/app/${OWN_APP.key}?protocol=7`, headers }))
  }
  await connect()
  const before = await heapBytes()
  for (let index = 1; index < COUNT; index++) await connect()
  const bytes = (await heapBytes()) - before
  for (const client of clients) await client[Symbol.asyncDispose]()
  return bytes / (COUNT * length)
}

grown['an address'] = await growByAddresses()
console.log(JSON.stringify(grown))
process.exit(0)
