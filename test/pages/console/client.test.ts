import { describe, expect, test } from 'bun:test'
import {
  CreatorClient,
  MAX_CHANNELS,
  type ClientOptions,
  type ClientState,
  type Received,
} from '../../../src/pages/console/creator/client'
import { Inbox, start, startCommon, type TestServer } from '../../harness'

const PATIENCE_MS = 5000

/** A client of a server, with what it hears. */
function connect(server: TestServer, options: Partial<ClientOptions> = {}) {
  const events = new Inbox<Received>()
  const states = new Inbox<ClientState>()
  const { key, secret } = server.app
  const client = new CreatorClient({
    base: `ws://127.0.0.1:${server.port}`,
    key,
    secret,
    memberId: 'console',
    change: (state) => states.push(state),
    receive: (event) => events.push(event),
    ...options,
  })
  const until = async (holds: (state: ClientState) => boolean): Promise<ClientState> => {
    let { state } = client
    while (!holds(state)) state = await states.next()
    return state
  }
  return { client, events, until, [Symbol.dispose]: () => client.close() }
}

const CHANNELS = [
  'room',
  'private-room',
  'presence-room',
  'cache-room',
  'private-cache-room',
  'presence-cache-room',
  'private-encrypted-room',
  'private-encrypted-cache-room',
  'encrypted-cache-is-no-cache',
]

describe('one server for all kinds of channels', () => {
  const server = startCommon()
  test.each(CHANNELS)('listens to %s, and hears what is sent', async (channel) => {
    using own = connect(server())
    own.client.subscribe(channel)
    expect(await own.client.whenSubscribed(channel, PATIENCE_MS)).toBe(true)
    await server().trigger({ channel, name: 'hi', data: '{"n":1}' })
    expect(await own.events.next()).toMatchObject({ channel, event: 'hi', data: '{"n":1}' })

    own.client.unsubscribe(channel)
    own.client.subscribe('marked')
    expect(await own.client.whenSubscribed('marked', PATIENCE_MS)).toBe(true)
    await server().trigger({ channel, name: 'unheard', data: '' })
    await server().trigger({ channel: 'marked', name: 'end', data: '' })
    expect(await own.events.next()).toMatchObject({ event: 'end' })
  })
})

test('the last event of a cache channel comes before the channel counts as subscribed to', async () => {
  await using server = await start()
  await server.trigger({ channel: 'cache-room', name: 'kept', data: '1' })
  using own = connect(server)
  own.client.subscribe('cache-room')
  expect(await own.client.whenSubscribed('cache-room', PATIENCE_MS)).toBe(true)
  await server.trigger({ channel: 'cache-room', name: 'new', data: '2' })
  expect(await own.events.next()).toMatchObject({ event: 'kept' })
  expect(await own.events.next()).toMatchObject({ event: 'new' })
})

test('signs in as a user, and as another over a new connection', async () => {
  await using server = await start()
  using own = connect(server)
  own.client.signIn('u-1')
  expect(await own.client.whenSignedIn('u-1', PATIENCE_MS)).toBe(true)
  await server.sdk().sendToUser('u-1', 'hi', { n: 1 })
  expect(await own.events.next()).toMatchObject({
    channel: undefined,
    event: 'hi',
    data: '{"n":1}',
  })

  const { socketId } = own.client.state
  own.client.signIn('u-2')
  expect(await own.client.whenSignedIn('u-1', PATIENCE_MS)).toBe(false)
  expect(await own.client.whenSignedIn('u-2', PATIENCE_MS)).toBe(true)
  expect(own.client.state.socketId).not.toBe(socketId)
})

test('without the secret it listens to public channels, and says why to no others', async () => {
  await using server = await start()
  using own = connect(server, { secret: undefined })
  own.client.subscribe('private-room')
  own.client.subscribe('room')
  expect(await own.client.whenSubscribed('private-room', PATIENCE_MS)).toBe(false)
  expect(await own.client.whenSubscribed('room', PATIENCE_MS)).toBe(true)
  const reason = 'Only who may see the secret of the app can sign for this channel'
  expect(own.client.state.channels.get('private-room')).toEqual({ phase: 'refused', reason })
})

test('a refused channel has the words of the server; the connection stays', async () => {
  await using server = await start()
  using own = connect(server, { secret: 'another' })
  own.client.subscribe('private-room')
  expect(await own.client.whenSubscribed('private-room', PATIENCE_MS)).toBe(false)
  const refused = own.client.state.channels.get('private-room')
  expect(refused).toMatchObject({ reason: expect.stringContaining('Invalid signature') })
  own.client.subscribe('room')
  expect(await own.client.whenSubscribed('room', PATIENCE_MS)).toBe(true)
})

test('an unknown key ends it, with the words of the server, until it is tried again', async () => {
  await using server = await start()
  using own = connect(server, { key: 'unknown' })
  const { reason } = await own.until(({ phase }) => phase === 'ended')
  expect(reason).toContain('4001')
  expect(reason).toContain('unknown')
  own.client.retry()
  await own.until(({ phase }) => phase === 'connecting')
  await own.until(({ phase }) => phase === 'ended')
})

test('comes back after a cut, with its channels and its user', async () => {
  const server = await start()
  using own = connect(server)
  own.client.subscribe('private-room')
  own.client.signIn('u-1')
  await own.client.whenSubscribed('private-room', PATIENCE_MS)
  const { port } = server
  await server.stop()
  const cut = await own.until(({ phase }) => phase === 'waiting')
  expect(cut.channels.get('private-room')).toEqual({ phase: 'asked' })
  expect(cut.user).toBeUndefined()

  await using again = await start({ config: { port } })
  expect(await own.client.whenSubscribed('private-room', PATIENCE_MS)).toBe(true)
  expect(await own.client.whenSignedIn('u-1', PATIENCE_MS)).toBe(true)
  await again.trigger({ channel: 'private-room', name: 'back', data: '' })
  expect(await own.events.next()).toMatchObject({ event: 'back' })
})

test('it leaves the oldest channel for one that is too many', async () => {
  await using server = await start()
  using own = connect(server)
  const names = Array.from({ length: MAX_CHANNELS + 1 }, (_, index) => `room-${index}`)
  for (const name of names) own.client.subscribe(name)
  expect(await own.client.whenSubscribed(names.at(-1)!, PATIENCE_MS)).toBe(true)
  expect([...own.client.state.channels.keys()]).toEqual(names.slice(1))
  expect(server.occupied.toSorted()).toEqual(names.slice(1).toSorted() as typeof server.occupied)
})
