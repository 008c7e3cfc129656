/**
 * Nothing that a plugin writes to what a hook is shown reaches the next plugin, the server or its clients:
 * each hook is attacked, and all that anybody sees is what is seen without the attack.
 */
import { beforeAll, expect, test } from 'bun:test'
import { HOOKS } from '../../src/core/plugin'
import { definePlugin, type AnyPlugin, type HookName } from 'carillon/plugin'
import { makePlugin, start, type RawClient, type TestServer } from '../harness'
import { connectPhoenix } from '../phoenix'
import { namesOf, vandal } from './vandal'

const SHOWING = (Object.keys(HOOKS) as HookName[]).filter((n) => n !== 'start' && n !== 'stop')

const APP = {
  id: '7',
  name: 'seven',
  slug: 'seven',
  key: 'k7',
  secret: 's7',
  hosts: ['https://example.org'],
  webhooks: [{ url: 'http://127.0.0.1:9/hook', event_types: ['channel_occupied', 'client_event'] }],
}

/** What differs from run to run: ids, ports, signatures. */
const steady = (text: string): string =>
  text
    .replaceAll(/\d+\.\d+(?!\.)/g, 'ID')
    .replaceAll(/127\.0\.0\.1:\d+|:\d{4,5}\b/g, 'HOST')
    .replaceAll(/[\da-f]{64}/g, 'SIGNATURE')

/** All that can be read of a value, as text. */
function read(value: unknown): unknown {
  if (typeof value === 'string') return steady(value)
  if (value instanceof AbortSignal) return `aborted ${value.aborted}`
  if (value instanceof Headers || value instanceof URLSearchParams)
    return steady(JSON.stringify([...value].filter(([name]) => !/ebsocket|agent/.test(name))))
  if (value instanceof Uint8Array) return steady(new TextDecoder().decode(value))
  if (Array.isArray(value)) return value.map(read)
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.fromEntries(
    namesOf(value)
      .sort()
      .map((name) => [name, read(Reflect.get(value, name))]),
  )
}

type Sight = { readonly hook: string; readonly shown: readonly unknown[] }

/** The plugin behind: sees what the one before has left of each view. */
function witness(sights: Sight[]): AnyPlugin {
  const hooks = SHOWING.map((hook) => [
    hook,
    (...shown: unknown[]) => void sights.push({ hook, shown: shown.map(read) }),
  ])
  return definePlugin({
    name: 'witness',
    carillon: 1,
    enforces: { hosts: () => undefined },
    setup: () => Object.fromEntries(hooks),
  })
}

type Outcome = {
  readonly sights: readonly Sight[]
  readonly seen: readonly unknown[]
  readonly record: unknown
}

/** A day of a server, and all that clients, backends and the plugin behind have seen of it. */
async function dayOf(before: readonly AnyPlugin[]): Promise<Outcome> {
  const sights: Sight[] = []
  const plugins = [...before, witness(sights)]
  await using server = await start({ plugins, apps: [APP], now: 1_800_000_000_000 })
  const seen: unknown[] = []
  await clientsOf(server, seen)
  await backendsOf(server, seen)
  await changesOf(server, seen)
  const { record } = server.core.apps.byId('7')!
  return { sights, seen, record: structuredClone(record) }
}

async function clientsOf(server: TestServer, seen: unknown[]): Promise<void> {
  const member = { user_id: 'ada', user_info: { deep: [1] } }
  await using client = await server.raw({ path: '/app/k7?token=mine', headers: { 'x-a': 'b' } })
  server.signin(client, '{"id":"ada","watchlist":["bob"],"deep":{"list":[1,2]}}')
  seen.push(steady(await client.next()), steady(await client.next()))
  seen.push(steady(await server.signedIn(client, 'private-room')))
  seen.push(steady(await server.signedIn(client, 'presence-room', member)))
  await using other = await server.raw({ path: '/app/k7?token=other' })
  await server.signedIn(other, 'private-room')
  client.send({ event: 'client-e', channel: 'private-room', data: { n: 1 } })
  seen.push(steady(await other.next()))
  client.send('no JSON')
  seen.push(steady(await client.next()))
  client.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } })
  await client.heard()
  await phoenixOf(server, seen)
  const reached = publish(server, other)
  seen.push(...(await reached))
}

/** Joins with a payload: `params` is not empty. */
async function phoenixOf(server: TestServer, seen: unknown[]): Promise<void> {
  await using device = await connectPhoenix(server, { query: 'app_key=k7' })
  seen.push(await device.request('1', '1', 'room', 'phx_join', { deep: { token: ['t'] } }))
}

async function publish(server: TestServer, listener: RawClient): Promise<unknown[]> {
  const triggered = await server.trigger({ channel: 'private-room', name: 'e', data: 'text' })
  const event = await listener.next()
  const authorization = `Basic ${btoa('k7:s7')}`
  const pushed = await server.http('/api/push', {
    method: 'POST',
    headers: { authorization },
    body: '{"channel":["private-room"],"data":{"deep":[1]},"event":"pushed"}',
  })
  const frame = await listener.next()
  return [
    triggered.status,
    await triggered.text(),
    event,
    pushed.status,
    await pushed.text(),
    frame,
  ]
}

async function backendsOf(server: TestServer, seen: unknown[]): Promise<void> {
  for (const responding of [server.signed('GET', '/channels'), server.admin('/api/admin/apps')]) {
    const response = await responding
    seen.push(response.status, steady(await response.text()), response.headers.get('x-forged'))
  }
  const headers = { 'x-request-id': 'one-request-of-the-day' }
  seen.push((await server.http('/nowhere', { headers })).status)
  await server.change({ name: 'renamed' })
  await server.waitForConnections(0)
}

/** A change of the app, and of what each plugin shares. */
async function changesOf(server: TestServer, seen: unknown[]): Promise<void> {
  await server.change({ subscriptionCounts: true })
  const value = { deep: [1] }
  for (const plugin of ['vandal', 'witness'])
    await server.core.engine.share({ plugin, method: 'set', args: ['key', value] })
  seen.push(structuredClone(value))
}

let undisturbed: Outcome
beforeAll(async () => {
  undisturbed = await dayOf([])
})

test('the day calls every hook', () => {
  const called = new Set(undisturbed.sights.map(({ hook }) => hook))
  expect([...called].sort()).toEqual([...SHOWING].sort())
})

test.each(SHOWING)('what %s is shown stays what it was', async (hook) => {
  const { sights, seen, record } = await dayOf([vandal(hook)])
  expect(seen).toEqual([...undisturbed.seen])
  expect(sights).toEqual([...undisturbed.sights])
  expect(record).toEqual(undisturbed.record)
})

test('a handler on a signal does not take the place of another plugin’s', async () => {
  const called: string[] = []
  const listens = (name: string) =>
    makePlugin(name, {
      connected: ({ signal }) => {
        signal.onabort = () => called.push(`${name} closed`)
      },
      subscribe: (_, { signal }) => {
        signal.onabort = () => called.push(`${name} given up`)
        signal.dispatchEvent(new Event('abort'))
        called.length = 0
        return name === 'second' ? new Promise<undefined>(() => undefined) : undefined
      },
    })
  await using server = await start({ plugins: [listens('first'), listens('second')] })
  await using client = await server.raw()
  client.subscribe('room')
  const [, second] = server.core.hooks.subscribe
  while (second!.stats.calls === 0) await new Promise((done) => setImmediate(done))
  server.advance(3000)
  expect(await client.next()).toContain('pusher:subscription_error')
  await client[Symbol.asyncDispose]()
  await server.waitForConnections(0)
  const all = ['first given up', 'second given up', 'first closed', 'second closed']
  for (const each of all) expect(called).toContain(each)
})

test('headers and query are read like any others, and copied', async () => {
  const shown: { headers?: Headers; query?: URLSearchParams } = {}
  const keeps = makePlugin('keeps', {
    connect: (_, { headers, query }) => void Object.assign(shown, { headers, query }),
  })
  await using server = await start({ plugins: [keeps] })
  const headers = { 'x-a': 'b', cookie: 'c=d' }
  await using _client = await server.raw({ path: `/app/${server.app.key}?t=1&t=2&u=`, headers })
  const { headers: sent, query } = shown as { headers: Headers; query: URLSearchParams }
  expect([sent.get('X-A'), sent.get('x-b'), sent.has('cookie')]).toEqual(['b', null, true])
  expect(new Headers(sent).get('cookie')).toBe('c=d')
  expect(Object.fromEntries(sent)).toEqual(Object.fromEntries(sent.entries()))
  expect([...sent.keys()]).toContain('x-a')
  expect(sent.getSetCookie()).toEqual([])
  expect(sent).toBeInstanceOf(Headers)
  expect(`${query} ${query.size} ${query.getAll('t')} ${query.has('t', '2')}`).toBe(
    't=1&t=2&u= 3 1,2 true',
  )
  expect([...new URLSearchParams(query)]).toEqual([...query])
  for (const pairs of [sent, query]) {
    const parents: unknown[] = []
    pairs.forEach((_value: string, _name: string, parent: unknown) => parents.push(parent))
    expect(parents).toEqual([...pairs].map(() => pairs))
  }
})
