/** One node never waits: what its engine answers is there at once, and so is what verbs make of it. */
import { expect, spyOn, test } from 'bun:test'
import type { Engine } from '../../src/core/engine'
import { publishClientEvent } from '../../src/core/client-event'
import { publish } from '../../src/core/publish'
import { answerOneOnce, claimOf } from '../../src/core/repeats'
import { userToSign } from '../../src/core/signature'
import { signin } from '../../src/core/signin'
import { subscribe } from '../../src/core/subscribe'
import { PUSHER } from '../../src/http/events'
import { ApiHooks } from '../../src/http/hooks'
import { allow } from '../../src/plugin'
import { makePlugin, start } from '../harness'

const ASKED = [
  'listen',
  'enter',
  'exit',
  'publish',
  'announce',
  'order',
  'counts',
  'connections',
  'channels',
  'members',
  'last',
] as const satisfies readonly (keyof Engine)[]

test('the engine of one node makes no promise, whatever it is asked', async () => {
  await using server = await start()
  const { engine } = server.core
  await server.change({ subscriptionCounts: true })
  const spies = ASKED.map((name) => ({ name, spy: spyOn(engine, name) }))
  const [client, other] = [await server.raw(), await server.raw()]
  for (const each of [client, other]) {
    await server.signedIn(each, 'presence-cache-room', { user_id: each.socketId })
    server.signin(each, JSON.stringify({ id: each.socketId, watchlist: ['eve'] }))
  }
  client.send({ event: 'client-e', channel: 'presence-cache-room', data: 1 })
  await server.trigger({ channel: 'presence-cache-room', name: 'e', data: '1' })
  for (const path of ['/channels', '/channels/presence-cache-room', '/connections'])
    expect((await server.signed('GET', path)).status).toBe(200)
  await server.signed('GET', '/channels/presence-cache-room', '', 'info=cache')
  await server.signed('GET', '/channels/presence-cache-room/users')
  await server.sdk().terminateUserConnections(client.socketId)
  await client.closing()
  await other[Symbol.asyncDispose]()
  await server.waitForConnections(0)
  for (const { name, spy } of spies) {
    const answers = spy.mock.results.map(({ value }) => value as unknown)
    expect({ name, asked: answers.length > 0 }).toEqual({ name, asked: true })
    expect(answers.filter((answer) => answer instanceof Promise)).toEqual([])
  }
})

test('nor do verbs', async () => {
  await using server = await start()
  const { core } = server
  const app = core.apps.byId('1')!
  const [client, other] = [await server.raw(), await server.raw()]
  const [conn] = [...core.hub.connections()].filter(({ id }) => id === client.socketId)
  const channel = 'private-room' as never
  await server.signedIn(other, channel)
  const auth = server.sign(client, channel)
  const pair = app.keys[0]!
  const userData = '{"id":"ann"}'
  const userAuth = `${pair.key}:${pair.sign(userToSign(conn!.id, userData))}`
  const common = { app, channel, ref: undefined }
  const event = { name: 'e', data: '', channels: ['room'], socketId: undefined }
  const answers = [
    subscribe(core, conn!, {
      ...common,
      type: 'subscribe',
      history: undefined,
      auth,
      channelData: undefined,
      params: () => ({}),
      replaces: undefined,
      grant: undefined,
    }),
    publishClientEvent(core, conn!, {
      ...common,
      type: 'client_event',
      event: 'client-e',
      data: '1' as never,
    }),
    signin(core, conn!, { type: 'signin', app, auth: userAuth, userData }),
    publish(core, app, [event], PUSHER),
    answerOneOnce(core.engine, app, claimOf('key', event), () => 'first'),
    answerOneOnce(core.engine, app, claimOf('key', event), () => 'second'),
  ]
  const published = [['room' as never]]
  expect(answers).toEqual([undefined, undefined, undefined, published, 'first', 'first'])
  expect(await other.next()).toContain('client-e')
  for (const each of [client, other]) await each[Symbol.asyncDispose]()
})

test('nor do gates of the API that answer at once', async () => {
  const gates = { authenticate: () => allow(), authorizePush: () => allow() }
  await using server = await start({ plugins: [makePlugin('quick', gates)] })
  const names = ['authenticate', 'authorizePush'] as const
  const spies = names.map((name) => spyOn(ApiHooks.prototype, name))
  try {
    const body = '{"channel":"room","data":1,"event":"e"}'
    const init = { method: 'POST', body, headers: { authorization: 'Bearer wrong' } }
    const { status } = await server.http(`/api/push?app_key=${server.app.key}`, init)
    expect(status).toBe(200)
    const answers = spies.map((spy) => spy.mock.results.map(({ value }) => value as unknown))
    expect(answers).toEqual([[true], [{ isAllowed: true, params: undefined }]])
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
})
