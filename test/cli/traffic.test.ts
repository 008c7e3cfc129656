/** `carillon channels`, `trigger` and `listen`. */
import { beforeEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { start, startCommon, waitFor } from '../harness'
import { envOf, rowsOf, Running, runOn } from './run'

const server = startCommon()
const listen = (...args: readonly string[]): Running =>
  new Running(['listen', ...args], { env: envOf(server()) })

/** Who listened before has left, so nobody hears of it. */
beforeEach(() => waitFor('an empty server', server().waitForConnections(0)))

test('channels are listed with what is in them', async () => {
  expect((await runOn(server(), 'channels')).out).toBe('')
  const empty = await runOn(server(), 'channels', { isTerminal: true })
  expect(empty.out).toBe('no channel is occupied\n')
  await using alice = await server().raw()
  await alice.subscribed('room')
  await server().signedIn(alice, 'presence-room', { user_id: '1' })
  await using bob = await server().raw()
  await server().signedIn(bob, 'presence-room', { user_id: '1' })

  expect(rowsOf(await runOn(server(), 'channels'))).toEqual([
    ['presence-room', '2', '1'],
    ['room', '1', ''],
  ])
  expect((await runOn(server(), 'channels --prefix presence-r', { isTerminal: true })).out).toBe(
    'CHANNEL        SUBSCRIPTIONS  USERS\npresence-room              2      1\n',
  )
  expect(JSON.parse((await runOn(server(), 'channels --json')).out)).toEqual({
    room: { subscription_count: 1 },
    'presence-room': { subscription_count: 2, user_count: 1 },
  })
})

test('an event is triggered, from standard input too, and not for an excluded connection', async () => {
  await using alice = await server().raw()
  await using bob = await server().raw()
  for (const client of [alice, bob]) await client.subscribed('my-channel')
  const trigger = ['trigger', 'my-channel', 'my-event']
  expect(await runOn(server(), [...trigger, '{"a":1}', '--socket-id', alice.socketId])).toEqual({
    code: 0,
    out: '',
    err: '',
  })
  const said = await runOn(server(), [...trigger, '-'], { input: 'two\n', isTerminal: true })
  expect(said.out).toBe('my-event is published on my-channel\n')
  const repeat = [...trigger, 'three', '--idempotency-key', 'k', '--json']
  for (let i = 0; i < 2; i++) expect((await runOn(server(), repeat)).out).toBe('{}\n')
  await runOn(server(), [...trigger, 'end'])
  const dataOf = async (client: typeof alice, count: number) =>
    (await Promise.all(Array.from({ length: count }, () => client.nextJson()))).map(
      ({ data }) => data,
    )
  expect(await dataOf(bob, 4)).toEqual(['{"a":1}', 'two', 'three', 'end'])
  expect(await dataOf(alice, 3)).toEqual(['two', 'three', 'end'])
})

test('listen prints events of all kinds of channels, harmless, until it is ended', async () => {
  const listening = listen('room', 'private-room', 'presence-room', 'room')
  const ready = await listening.err.inbox.take(3, 'three subscriptions')
  expect(ready).toEqual(
    ['room', 'private-room', 'presence-room'].map((name) => `carillon: subscribed to ${name}`),
  )
  await server().trigger({ channel: 'private-room', name: 'e\u001b[0m', data: 'a\tb\nc\u009b' })
  const line = (await listening.out.inbox.next()).split('\t')
  expect(line.slice(1)).toEqual(['private-room', 'e\\u001b[0m', 'a\\tb\\nc\\u009b'])
  expect(line[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  await using alice = await server().raw()
  await server().signedIn(alice, 'presence-room', { user_id: '7' })
  expect((await listening.out.inbox.next()).split('\t').slice(1)).toEqual([
    'presence-room',
    'pusher:member_added',
    '{"user_id":"7","user_info":{}}',
  ])
  expect(await listening.end()).toMatchObject({ code: 0 })
})

test('listen ends after a count, and prints JSON of one line', async () => {
  const listening = listen(
    'presence-room',
    '--count',
    '1',
    '--json',
    '--user-id',
    'u',
    '--user-info',
    '{"a":1}',
  )
  await listening.err.inbox.next('the subscription')
  const users = (await server().signed('GET', '/channels/presence-room/users')).json()
  expect(await users).toMatchObject({ users: expect.arrayContaining([{ id: 'u' }]) })
  await server().trigger({ channel: 'presence-room', name: 'e', data: '"\u202e"' })
  const { code, out } = await listening.finished
  expect([code, out.split('\n').length, out.includes('\u202e')]).toEqual([0, 2, false])
  expect(JSON.parse(out)).toMatchObject({ channel: 'presence-room', event: 'e', data: '"\u202e"' })
})

test('what cannot be listened to is said, and ends it where nothing is left', async () => {
  const { code, err } = await listen('bad channel').finished
  expect(code).toBe(4)
  expect(err).toStartWith('carillon: bad channel is refused: Invalid channel name')
  expect(err).toEndWith('carillon: no channel is left to listen to\n')
  const url = (key: string, secret: string) => ({
    env: { PUSHER_URL: `http://${key}:${secret}@127.0.0.1:${server().port}/apps/1` },
  })
  const wrong = await new Running(['listen', 'private-a'], url(server().app.key, 'wrong')).finished
  expect([wrong.code, wrong.err]).toEqual([
    4,
    'carillon: private-a is refused: invalid signature: the secret is another one\ncarillon: no channel is left to listen to\n',
  ])
  const unknown = await new Running(['listen', 'a'], url('nobody', 's')).finished
  expect([unknown.code, unknown.err]).toEqual([
    5,
    'carillon: refused with 4001: App key nobody does not exist\n',
  ])
  expect((await listen('a', '--count', 'x').finished).code).toBe(2)
  expect((await listen('presence-a', '--user-info', '[]').finished).code).toBe(2)
})

test('listen ends where its reader stands still, and holds no more than it says', async () => {
  await using large = await start({
    limits: { maxEventDataBytes: 3_000_000, maxUnreadBytes: 60_000_000 },
  })
  const listening = new Running(['listen', 'room'], { env: envOf(large), isStuck: true })
  await listening.err.inbox.next('the subscription')
  const data = 'x'.repeat(2_000_000)
  for (let i = 0; i < 8; i++) await large.trigger({ channel: 'room', name: 'e', data })
  const { code, err } = await listening.finished
  expect([code, err.split('\n').at(-2)]).toEqual([
    1,
    'carillon: whoever reads the output is slower than the events: 16 MB wait',
  ])
})

test('listen comes back after a restart, and gets what the channel has kept', async () => {
  const folder = tmpdir()
  const databasePath = join(folder, `carillon-${crypto.randomUUID()}.sqlite`)
  const first = await start({ config: { databasePath } })
  const port = first.port
  const rule = { prefix: '', size: 9, ttl_seconds: 60, durable: true, rewind: 0 }
  await first.change({ history: [rule] })
  const listening = new Running(['listen', 'room', 'no channel'], { env: envOf(first) })
  await listening.err.inbox.take(2, 'a subscription and a refusal')
  await first.trigger({ channel: 'room', name: 'e', data: '1' })
  await first.stop()
  expect(await listening.err.inbox.next('the cut')).toContain('the connection is gone')
  await using second = await start({ config: { databasePath, port } })
  await second.trigger({ channel: 'room', name: 'e', data: '2' })
  let said = ''
  while (!said.includes('back in')) said = await listening.err.inbox.next('the return')
  await second.trigger({ channel: 'room', name: 'e', data: '3' })
  const lines = await listening.out.inbox.take(3, 'all events')
  expect(lines.map((line) => line.split('\t').at(-1))).toEqual(['1', '2', '3'])
  expect((await listening.end()).code).toBe(0)
})

test('rewind begins with what was before', async () => {
  await server().change({
    history: [{ prefix: 'kept-', size: 9, ttl_seconds: 60, durable: false, rewind: 0 }],
  })
  for (const data of ['1', '2', '3'])
    await server().trigger({ channel: 'kept-room', name: 'e', data })
  const { out } = await listen('kept-room', '--rewind', '2', '--count', '2').finished
  expect(rowsOf({ code: 0, out, err: '' }).map((row) => row.at(-1))).toEqual(['2', '3'])
})
