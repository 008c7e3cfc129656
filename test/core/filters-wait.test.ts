/** Filters that a plugin has declared to wait: who waits with them, and what a late or a wrong answer does. */
import { describe, expect, test } from 'bun:test'
import { definePlugin, reject, replace } from '../../src/plugin'
import { EVENT, post } from '../dialects/expusherlite/requests'
import { push } from '../dialects/pushex/requests'
import { Inbox, makePlugin, start, type RawClient, type TestServer } from '../harness'
import { Undecided } from '../plugins/undecided'

const ROOM = 'private-room'
const INTERNAL = '{"event":"pusher:error","data":{"code":null,"message":"Internal server error"}}'

async function startUndecided(options: Parameters<typeof start>[0] = {}) {
  const undecided = new Undecided()
  const plugins = [undecided.plugin, ...(options.plugins ?? [])]
  const server = await start({ ...options, plugins })
  return { server, undecided }
}

async function enter(server: TestServer, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = []
  for (let index = 0; index < count; index++) {
    const client = await server.raw()
    await server.signedIn(client, ROOM)
    clients.push(client)
  }
  return clients
}

const say = (client: RawClient, event: string): void =>
  client.send({ event, channel: ROOM, data: event })

const namesOf = async (client: RawClient, count: number): Promise<string[]> =>
  (await client.frames.take(count)).map((frame) => JSON.parse(frame).event)

const trigger = (server: TestServer, name: string): Promise<Response> =>
  server.trigger({ channel: ROOM, name, data: name })

describe('clientEvent', () => {
  test('holds what its connection sends after it, in order, and nobody else', async () => {
    const { server, undecided } = await startUndecided()
    const [ann, bob, eve] = (await enter(server, 3)) as [RawClient, RawClient, RawClient]
    say(ann, 'client-first?')
    const first = await undecided.next()
    say(ann, 'client-second')
    ann.send({ event: 'pusher:ping' })
    say(bob, 'client-bob')
    expect(await namesOf(eve, 1)).toEqual(['client-bob'])
    await trigger(server, 'backend')
    expect(await namesOf(eve, 1)).toEqual(['backend'])
    first.answer()
    expect(await namesOf(eve, 2)).toEqual(['client-first?', 'client-second'])
    expect(await namesOf(ann, 3)).toEqual(['client-bob', 'backend', 'pusher:pong'])
    await server.stop()
  })

  test('refuses or replaces after its wait, before the plugins behind it', async () => {
    const seen: unknown[] = []
    const next = makePlugin('next', { clientEvent: (_, { data }) => void seen.push(data) })
    const { server, undecided } = await startUndecided({ plugins: [next] })
    const [ann, eve] = (await enter(server, 2)) as [RawClient, RawClient]
    say(ann, 'client-bad?')
    say(ann, 'client-changed?')
    ;(await undecided.next()).answer(reject('no such thing'))
    ;(await undecided.next()).answer(replace({ n: 1 }))
    expect(await ann.nextJson()).toMatchObject({ data: { message: 'no such thing' } })
    expect(await eve.nextJson()).toMatchObject({ event: 'client-changed?', data: { n: 1 } })
    expect(seen).toEqual(['{"n":1}'])
    await server.stop()
  })

  test('refuses at the time limit, and aborts its signal', async () => {
    const { server, undecided } = await startUndecided()
    const [ann, eve] = (await enter(server, 2)) as [RawClient, RawClient]
    say(ann, 'client-late?')
    const late = await undecided.next()
    const { signal } = late.view
    say(ann, 'client-next')
    server.advance(server.core.timing.gateTimeoutMs)
    expect(await ann.next()).toBe(INTERNAL)
    expect(await namesOf(eve, 1)).toEqual(['client-next'])
    expect(signal.reason).toEqual(expect.objectContaining({ message: 'no answer within 3000 ms' }))
    late.answer()
    await eve.expectNothing()
    await server.stop()
  })

  test('refuses where it fails', async () => {
    const { server, undecided } = await startUndecided()
    const [ann, eve] = (await enter(server, 2)) as [RawClient, RawClient]
    say(ann, 'client-broken?')
    ;(await undecided.next()).fail(new Error('secret detail'))
    expect(await ann.next()).toBe(INTERNAL)
    await eve.expectNothing()
    await server.stop()
  })

  test('publishes nothing of a connection that has closed meanwhile', async () => {
    const { server, undecided } = await startUndecided()
    const [ann, eve] = (await enter(server, 2)) as [RawClient, RawClient]
    say(ann, 'client-last?')
    const last = await undecided.next()
    const { signal } = last.view
    say(ann, 'client-behind')
    ann.socket.close()
    await server.waitForConnections(1)
    expect(signal.aborted).toBe(true)
    last.answer()
    await eve.expectNothing()
    expect(server.totals.faults).toBe(0)
    await server.stop()
  })

  test('is held to what the app allows after the wait', async () => {
    const { server, undecided } = await startUndecided()
    const [ann, eve] = (await enter(server, 2)) as [RawClient, RawClient]
    say(ann, 'client-e?')
    const question = await undecided.next()
    await server.change({ clientEvents: false })
    question.answer()
    expect(await ann.next()).toContain('you must enable this feature')
    await eve.expectNothing()
    await server.stop()
  })
})

describe('publish', () => {
  test('is asked about the events of a batch in order, and delays no other request', async () => {
    const { server, undecided } = await startUndecided()
    const [eve] = (await enter(server, 1)) as [RawClient]
    const batch = ['a?', 'b', 'c?'].map((name) => ({ name, channel: ROOM, data: name }))
    const answer = server.signed('POST', '/batch_events', JSON.stringify({ batch }))
    const first = await undecided.next()
    expect((await trigger(server, 'other')).status).toBe(200)
    expect(await namesOf(eve, 1)).toEqual(['other'])
    first.answer(replace('changed'))
    const third = await undecided.next()
    expect(third.view).toEqual({ channel: ROOM, event: 'c?', data: '"c?"' } as never)
    await eve.expectNothing()
    third.answer()
    expect((await answer).status).toBe(200)
    const events = (await eve.frames.take(3)).map((frame) => JSON.parse(frame))
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      ['a?', 'changed'],
      ['b', 'b'],
      ['c?', 'c?'],
    ])
    await server.stop()
  })

  test('refuses a whole batch after its wait', async () => {
    const { server, undecided } = await startUndecided()
    const [eve] = (await enter(server, 1)) as [RawClient]
    const batch = ['a', 'b?'].map((name) => ({ name, channel: ROOM, data: '' }))
    const answer = server.signed('POST', '/batch_events', JSON.stringify({ batch }))
    ;(await undecided.next()).answer(reject('not b'))
    expect([(await answer).status, await (await answer).text()]).toEqual([403, 'not b\n'])
    await eve.expectNothing()
    await server.stop()
  })

  test('refuses at the time limit, and aborts its signal', async () => {
    const { server, undecided } = await startUndecided()
    const [eve] = (await enter(server, 1)) as [RawClient]
    const answer = trigger(server, 'late?')
    const late = await undecided.next()
    const { signal } = late.view
    server.advance(server.core.timing.gateTimeoutMs)
    expect((await answer).status).toBe(500)
    expect(signal.aborted).toBe(true)
    late.answer()
    await eve.expectNothing()
    await server.stop()
  })

  test('waits for a push and for an event of a group, too', async () => {
    const { server, undecided } = await startUndecided()
    await using eve = await server.raw()
    await eve.subscribed('room')
    const pushed = push(server, { channel: 'room', event: 'pushed?', data: {} })
    ;(await undecided.next()).answer()
    expect((await pushed).status).toBe(200)
    const posted = post(server, JSON.stringify({ ...EVENT, topic: 'room', event: 'posted?' }))
    ;(await undecided.next()).answer(replace({ name: 'Jane' }))
    expect((await posted).status).toBe(200)
    expect(await namesOf(eve, 1)).toEqual(['pushed?'])
    expect(await eve.next()).toContain('Jane')
    for (const request of [
      push(server, { channel: 'room', event: 'no?', data: {} }),
      post(server, JSON.stringify({ ...EVENT, topic: 'room', event: 'no?' })),
    ]) {
      ;(await undecided.next()).answer(reject('no'))
      expect((await request).status).toBe(403)
    }
    await eve.expectNothing()
    await server.stop()
  })

  test.each([
    ['the app was switched off', { active: false }, 403],
    ['the app’s limit was used up', { limits: { maxBackendEventsPerSecond: 1 } }, 429],
  ])('publishes nothing where meanwhile %s', async (_, change, status) => {
    const { server, undecided } = await startUndecided()
    const answer = trigger(server, 'e?')
    const question = await undecided.next()
    await server.change(change)
    for (const { core } of server.servers) core.rates.take(core.apps.byId('1')!, 1, 1, 0)
    question.answer()
    expect((await answer).status).toBe(status)
    await server.stop()
  })

  test('waits where a plugin publishes; one that publishes in its own filter is stopped', async () => {
    const errors = new Inbox<string>()
    const echo = definePlugin({
      name: 'echo',
      carillon: 1,
      setup: (carillon) => ({
        publish: (app, { channel }) =>
          void carillon
            .publish(app, { channel, name: 'again?', data: '' })
            .catch((cause: Error) => errors.push(cause.message)),
      }),
    })
    const { server, undecided } = await startUndecided({ plugins: [echo] })
    const published = undecided.publish('own?')
    for (let depth = 0; depth <= 4; depth++) (await undecided.next()).answer()
    await published
    expect(await errors.next()).toBe('plugin echo publishes in its own hook, 4 deep')
    expect(errors.unread).toEqual([])
    await server.stop()
  })

  test('lets a thousand events of an app wait, and refuses more of it', async () => {
    const { server, undecided } = await startUndecided()
    const other = server.addTenant()
    const [ann] = (await enter(server, 1)) as [RawClient]
    const waiting = Array.from({ length: 1000 }, () => undecided.publish('e?'))
    const questions = await Promise.all(waiting.map(() => undecided.next()))
    const message = 'Too many events wait for a plugin; try again'
    await expect(undecided.publish('e')).rejects.toThrow(message)
    const [first] = server.servers
    const answer = await fetch(`http://127.0.0.1:${first!.port}/api/push`, {
      method: 'POST',
      body: JSON.stringify({ channel: ROOM, event: 'e', data: {} }),
    })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1'])
    say(ann, 'client-e')
    expect(await ann.nextJson()).toMatchObject({ data: { code: 4301, message } })
    await undecided.publish('e', other.id)
    for (const { answer: decide } of questions) decide()
    await Promise.all(waiting)
    await undecided.publish('e')
    await server.stop()
  })
})

test('a promise of a plugin that has not declared it refuses, and is named', async () => {
  const hooks = { publish: async () => undefined, clientEvent: async () => undefined }
  await using server = await start({ plugins: [makePlugin('hasty', hooks as never)] })
  const [ann] = (await enter(server, 1)) as [RawClient]
  say(ann, 'client-e')
  expect(await ann.next()).toBe(INTERNAL)
  expect((await trigger(server, 'e')).status).toBe(500)
  const messages = server.log.lines
    .filter(({ message }) => message === 'plugin failed')
    .map(({ fields }) => (fields as { err: Error }).err.message)
  const why = "may not wait where the plugin's waits does not name it"
  expect(messages).toEqual([
    `answered with a promise, but clientEvent ${why}`,
    `answered with a promise, but publish ${why}`,
  ])
})

test.each([[['upgrade']], ['publish'], [[7]]])('waits: %p stops the start', async (waits) => {
  const plugin = { ...makePlugin('wrong', {}), waits: waits as never }
  await expect(start({ plugins: [plugin] })).rejects.toThrow(
    'plugin wrong: waits must be a list of publish and clientEvent',
  )
})

/** Types, which `bun check` reads. */
definePlugin({
  name: 'typed',
  carillon: 1,
  // @ts-expect-error a filter that waits without a declaration
  setup: () => ({ publish: async () => undefined }),
})
definePlugin({
  name: 'typed',
  carillon: 1,
  waits: ['publish'],
  // @ts-expect-error the other filter is not declared
  setup: () => ({ publish: async () => replace('x'), clientEvent: async () => undefined }),
})
