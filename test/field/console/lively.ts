/** A server with an hour of traffic behind it, and more of it while somebody looks: for pictures of the console. */
import { makeBasicAuth } from '../../credentials'
import { signQuery, signText, type KeyPair } from '../../../src/pages/signature'
import type { RawClient, TestServer } from '../../harness'
import { makeRandom } from '../../random'
import { Receiver, startWithWebhooks, waitUntilSettled } from '../../webhooks/receiver'

type LivelyApp = KeyPair & {
  readonly id: string
  readonly slug: string
  readonly busy: number
}

export type LivelyServer = AsyncDisposable & {
  readonly server: TestServer
  /** What the parameters of pages are here: of the app that has most to show. */
  readonly parameters: Readonly<Record<string, string>>
  /** Of somebody who may do everything. */
  readonly token: string
  /** What happens in so many seconds. */
  live(seconds: number): Promise<void>
}

const HOUR_MS = 3_600_000
const STEP_S = 10

const PEOPLE = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Ken', 'Radia', 'Leslie']

/** What is sent where: channel, event, data. */
const EVENTS: readonly (readonly [channel: string, event: string, data: (n: number) => object])[] =
  [
    ['private-orders', 'order-created', (n) => ({ order: 41_200 + n, total: (n % 90) + 9.5 })],
    [
      'private-orders',
      'order-paid',
      (n) => ({ order: 41_180 + n, method: n % 2 ? 'card' : 'invoice' }),
    ],
    ['presence-support', 'message', (n) => ({ from: PEOPLE[n % PEOPLE.length], text: 'Hello!' })],
    ['stock', 'changed', (n) => ({ sku: `A-${100 + (n % 40)}`, left: n % 70 })],
    ['cache-prices', 'price', (n) => ({ sku: `A-${100 + (n % 40)}`, price: (n % 50) + 0.99 })],
  ]

/** The numbers are the same in each run, but for what is measured. */
export async function startLively(): Promise<LivelyServer> {
  const random = makeRandom(21)
  const receiver = new Receiver()
  const failing = new Receiver()
  failing.answer = () => new Response('Bad Gateway', { status: 502 })
  const own = {
    appId: '1',
    appKey: 'shop-key-5f2c9a',
    appSecret: 'shop-secret',
    adminUsername: 'admin',
    adminPassword: PASSWORD,
  }
  const server = await startWithWebhooks(
    [{ url: receiver.url }, { url: failing.url, event_types: ['member_added'] }],
    { now: Date.now() - HOUR_MS, config: own },
  )
  await server.change({ name: 'Web shop', slug: 'web-shop', clientEvents: true })
  const apps: LivelyApp[] = [
    { ...server.app, slug: 'web-shop', busy: 14 },
    await createApp(server, 'Chat rooms', 6),
    await createApp(server, 'Vehicles', 3),
  ]
  const made = { token: { name: 'ada', scope: 'all' } }
  const { token } = await ask<{ readonly token: string }>(server, 'tokens', made)
  const clients = await connect(server, apps)
  let sent = 0
  let passed = 0

  const step = async (seconds: number): Promise<void> => {
    passed += seconds
    for (const { busy, ...app } of apps) {
      const tide = 1 + 0.6 * Math.sin(passed / 240 + busy) + 0.5 * random()
      const count = Math.floor(busy * tide * (seconds / STEP_S) + random())
      for (let left = count; left > 0; left -= 10)
        await send(
          server,
          app,
          Array.from({ length: Math.min(left, 10) }, () => makeEvent(sent++)),
        )
    }
    if (random() < seconds / 200) await beRefused(server)
    for (const client of clients) await client.heard() // or it would have taken until the clock has moved
    server.advance(seconds * 1000)
    await waitUntilSettled(server)
    for (const client of clients) await client.heard()
  }
  const live = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      if (second % 4 === 1) await comeAndGo(server, second)
      if (second % 12 === 8) await beRefused(server)
      clients[second % 3]!.send(typing(second))
      await step(1)
    }
  }
  while (server.clock.now() < Date.now() - STEP_S * 1000) await step(STEP_S)

  const stop = async (): Promise<void> => {
    for (const client of clients) await client[Symbol.asyncDispose]()
    await server.stop()
    for (const each of [receiver, failing]) await each[Symbol.asyncDispose]()
  }
  const parameters = {
    slug: 'web-shop',
    channel: 'presence-support',
    socketId: clients[0]!.socketId,
  }
  return { server, parameters, token, live, [Symbol.asyncDispose]: stop }
}

const PASSWORD = 'a-password-of-its-own'

/** Sends a request as the admin, and reads the data of its answer, if there is any. */
async function ask<T>(server: TestServer, path: string, body?: object): Promise<T> {
  const headers = makeBasicAuth(`admin:${PASSWORD}`)
  const content = body && { method: 'POST', body: JSON.stringify(body) }
  const answer = await server.adminHttp(`/api/admin/${path}`, { headers, ...content })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return (text === '' ? undefined : JSON.parse(text).data) as T
}

async function createApp(server: TestServer, name: string, busy: number): Promise<LivelyApp> {
  await ask(server, 'apps', { app: { name } })
  const { id, slug, key, secret } = await ask<LivelyApp>(
    server,
    `apps/${name.toLowerCase().replace(' ', '-')}`,
  )
  return { id: String(id), slug, key, secret, busy }
}

type SentEvent = { readonly channel: string; readonly name: string; readonly data: string }

function makeEvent(n: number): SentEvent {
  const [channel, name, dataOf] = EVENTS[(n * 7) % EVENTS.length]!
  return { channel, name, data: JSON.stringify(dataOf(n)) }
}

async function send(
  server: TestServer,
  { id, key, secret }: Omit<LivelyApp, 'busy'>,
  batch: readonly SentEvent[],
): Promise<void> {
  const body = JSON.stringify({ batch })
  const path = `/apps/${id}/batch_events`
  const query = signQuery({ method: 'POST', path, body }, { key, secret }, server.clock.now())
  const answer = await server.http(`${path}?${query}`, { method: 'POST', body })
  if (!answer.ok) throw new Error(await answer.text())
}

const typing = (n: number) => ({
  event: 'client-typing',
  channel: 'presence-support',
  data: { user: PEOPLE[n % 3] },
})

/** A backend that signs with a secret that was rotated away. */
async function beRefused(server: TestServer): Promise<void> {
  await using client = await server.raw()
  const text = `${client.socketId}:private-orders`
  client.subscribe(
    'private-orders',
    `${server.app.key}:${signText(text, 'shop-secret-of-last-year')}`,
  )
  await client.next('the refusal')
}

/** Somebody looks into the support room. */
async function comeAndGo(server: TestServer, n: number): Promise<void> {
  await using client = await server.raw()
  const name = PEOPLE[n % PEOPLE.length]!
  const user = { user_id: `${name.toLowerCase()}-${n}`, user_info: { name } }
  await server.signedIn(client, 'presence-support', user)
}

/** Clients of all apps, and people in the first. */
async function connect(server: TestServer, apps: readonly LivelyApp[]): Promise<RawClient[]> {
  const clients: RawClient[] = []
  for (const { key, busy } of apps)
    for (let n = 0; n < busy; n++) {
      const client = await server.raw({ path: `/app/${key}?protocol=7&client=js&version=8.6.0` })
      await client.subscribed('stock')
      await client.subscribed('cache-prices')
      await client.next('word that it has no event yet')
      clients.push(client)
    }
  for (const [n, name] of PEOPLE.entries()) {
    const client = clients[n]!
    const user = { user_id: name.toLowerCase().replace(' ', '-'), user_info: { name } }
    server.signin(client, JSON.stringify({ id: user.user_id, user_info: user.user_info }))
    await client.next('the sign-in')
    await server.signedIn(client, 'presence-support', user)
    await server.signedIn(client, 'private-orders')
  }
  return clients
}
