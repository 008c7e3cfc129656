/** Presence, shared by Phoenix's clients and Pusher's; numbers are cases of contract section 6. */
import { expect, test } from 'bun:test'
import { createRequire } from 'node:module'
import { allow } from '../../src/plugin'
import { Inbox, makePlugin, start } from '../harness'
import { KEY, connectPhoenix, PhoenixJs, type JsChannel, type PhoenixRaw } from '../phoenix'

const ROOM = 'presence-room'

/** A plugin that admits everybody as the user in the join's payload, or in `auth` on other wires. */
const door = makePlugin('door', {
  authorize: (_, { params, auth }) => {
    const user_id = params['me'] ?? auth
    return allow({ channelData: JSON.stringify({ user_id, user_info: { name: user_id } }) })
  },
})

const meta = (name: string) => ({
  phx_ref: expect.any(String),
  online_at: expect.any(Number),
  user_info: { name },
})

type Metas = { metas: { phx_ref: string }[] }
type Diff = { joins: Record<string, Metas>; leaves: Record<string, Metas> }

async function nextDiff(client: PhoenixRaw): Promise<Diff> {
  const [join, ref, topic, event, payload] = await client.next('a diff')
  expect([join, ref, topic, event]).toEqual([null, null, ROOM, 'presence_diff'])
  return payload as Diff
}

test('state after the join, a diff for each connection, two tabs are two metas (44)', async () => {
  await using server = await start({ plugins: [door] })
  await using ada = await connectPhoenix(server, { query: KEY })
  await using bob = await connectPhoenix(server, { query: KEY })
  await ada.join(ROOM, { me: 'ada' })
  expect(await ada.next()).toEqual([
    '1',
    null,
    ROOM,
    'presence_state',
    { ada: { metas: [meta('ada')] } },
  ])

  await bob.join(ROOM, { me: 'bob' }, '3')
  expect((await bob.next())[4]).toEqual({
    ada: { metas: [meta('ada')] },
    bob: { metas: [meta('bob')] },
  })
  expect(await nextDiff(ada)).toEqual({ joins: { bob: { metas: [meta('bob')] } }, leaves: {} })

  await using tab = await connectPhoenix(server, { query: KEY })
  await tab.join(ROOM, { me: 'bob' })
  const { joins } = await nextDiff(ada)
  expect(((await tab.next())[4] as Record<string, Metas>)['bob']!.metas).toHaveLength(2)
  tab.send('1', '2', ROOM, 'phx_leave', {})
  expect(await nextDiff(ada)).toEqual({ joins: {}, leaves: joins })
  await server.settle()
  expect(server.listFactNames().filter((name) => name.startsWith('member_'))).toEqual([
    `member_added ${ROOM}`,
    `member_added ${ROOM}`,
  ])
})

test('a second join gets a new state (45)', async () => {
  await using server = await start({ plugins: [door] })
  await using ada = await connectPhoenix(server, { query: KEY })
  await ada.join(ROOM, { me: 'ada' })
  const before = (await ada.next())[4] as Record<string, Metas>
  await ada.join(ROOM, { me: 'ada' }, '2')
  expect((await ada.next()).slice(0, 4)).toEqual(['1', '1', ROOM, 'phx_close'])
  const [join, , , event, after] = await ada.next()
  expect([join, event]).toEqual(['2', 'presence_state'])
  expect(after).toEqual({ ada: { metas: [meta('ada')] } })
  expect(after).not.toEqual(before)
})

test('Pusher’s members and Phoenix’s see each other, once per user (46, trap 16)', async () => {
  await using server = await start({ plugins: [door] })
  await using ada = await connectPhoenix(server, { query: KEY, version: 1 })
  await using bob = await server.raw()
  await ada.join(ROOM, { me: 'ada' })
  await ada.next('the state')
  const success = await bob.subscribed(ROOM, 'bob')
  expect(JSON.parse(JSON.parse(success).data).presence.ids).toEqual(['ada', 'bob'])
  expect((await ada.next())[4]).toEqual({ joins: { bob: { metas: [meta('bob')] } }, leaves: {} })

  await using tab = await connectPhoenix(server, { query: KEY })
  await tab.join(ROOM, { me: 'ada' })
  await bob.expectNothing()
  ada.send(null, '7', ROOM, 'phx_leave', {})
  await bob.expectNothing()
  tab.send(null, '7', ROOM, 'phx_leave', {})
  expect((await bob.nextJson()).event).toBe('pusher_internal:member_removed')
})

test.each(['__proto__', 'constructor', '7', 'ключ'])('a user may be called %s (47)', async (me) => {
  await using server = await start({ plugins: [door] })
  await using client = await connectPhoenix(server, { query: KEY })
  await client.join(ROOM, { me })
  expect(Object.entries((await client.next())[4] as object)).toEqual([[me, { metas: [meta(me)] }]])
})

test('no frame of it on /push_socket (73)', async () => {
  await using server = await start({ plugins: [door] })
  await using ada = await connectPhoenix(server, { mount: '/push_socket' })
  await using bob = await connectPhoenix(server, { query: KEY })
  await ada.join(ROOM, { me: 'ada' })
  await bob.join(ROOM, { me: 'bob' })
  await ada.expectNothing()
})

test('phoenix.js’s Presence follows it', async () => {
  type Presence = { list(by: (key: string) => string): string[]; onSync(heard: () => void): void }
  const require = createRequire(import.meta.url)
  const { Presence } = require('phoenix') as { Presence: new (channel: JsChannel) => Presence }
  await using server = await start({ plugins: [door] })
  await using page = new PhoenixJs(server, '1.8.16', { params: { app_key: server.app.key } })
  const channel = page.socket.channel(ROOM, { me: 'ada' })
  const presence = new Presence(channel)
  const lists = new Inbox<string[]>()
  presence.onSync(() => lists.push(presence.list((key) => key).sort()))
  channel.join()
  expect(await lists.next('the state')).toEqual(['ada'])
  const bob = await connectPhoenix(server, { query: KEY })
  await bob.join(ROOM, { me: 'bob' })
  expect(await lists.next('a join')).toEqual(['ada', 'bob'])
  await bob[Symbol.asyncDispose]()
  expect(await lists.next('a leave')).toEqual(['ada'])
})
