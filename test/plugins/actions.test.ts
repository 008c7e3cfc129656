/** What plugins do: publish, read who is where, reach the connections of a user. */
import { describe, expect, test } from 'bun:test'
import type { TestServer } from '../harness'
import { startActing } from './acting'

const failures = ({ log }: TestServer) =>
  log.lines.filter(({ fields }) => 'code' in fields && fields.code === 'plugin_failed')

describe('publish', () => {
  test.each([
    ['text, as it is', { channel: 'room', data: 'plain' }, 'plain'],
    ['another value, as its JSON', { channel: 'room', data: { a: [1] } }, '{"a":[1]}'],
    ['to several channels', { channels: ['room', 'other'], data: 'x' }, 'x'],
  ])('sends %s', async (_, event, data) => {
    const { server, context, app } = await startActing()
    await using client = await server.raw()
    await client.subscribed('room')
    await context.publish(app, { name: 'e', ...event })
    expect(await client.nextJson()).toEqual({ event: 'e', channel: 'room', data })
    await server.stop()
  })

  test('leaves out one connection', async () => {
    const { server, context, app } = await startActing()
    const clients = [await server.raw(), await server.raw()]
    for (const client of clients) await client.subscribed('room')
    const { socketId } = clients[0]!
    await context.publish(app, { channel: 'room', name: 'e', data: '', socketId })
    expect((await clients[1]!.nextJson()).event).toBe('e')
    await clients[0]!.expectNothing()
    await server.stop()
  })

  test.each([
    ['a name of the protocol', { channel: 'room', name: 'pusher:e', data: '' }, 'reserved'],
    ['an impossible channel', { channel: 'a b', name: 'e', data: '' }, 'Invalid channel name'],
    ['no name', { channel: 'room', name: '', data: '' }, 'must not be empty'],
    ['data without JSON', { channel: 'room', name: 'e', data: undefined }, 'no JSON'],
    ['too much data', { channel: 'room', name: 'e', data: 'x'.repeat(20_000) }, 'exceeds'],
    ['no channel', { channels: [], name: 'e', data: '' }, 'at least one channel'],
  ])('rejects %s', async (_, event, message) => {
    const { server, context, app } = await startActing()
    await expect(context.publish(app, event)).rejects.toThrow(message)
    expect(failures(server)).toHaveLength(1)
    await server.stop()
  })

  test('asks the hooks, its own too; one that never ends is named', async () => {
    const errors: unknown[] = []
    const { server, context, app } = await startActing(({ publish }) => ({
      publish(view) {
        publish(view, { channel: 'room', name: 'again', data: '' }).catch((cause: Error) =>
          errors.push(cause.message),
        )
      },
    }))
    await using client = await server.raw()
    await client.subscribed('room')
    await context.publish(app, { channel: 'room', name: 'e', data: '' })
    const names = (await client.frames.take(4)).map((frame) => JSON.parse(frame).event)
    expect(names).toEqual(['again', 'again', 'again', 'e'])
    await client.expectNothing()
    expect(errors).toEqual(['plugin acts publishes in its own hook, 4 deep'])
    expect(server.totals.faults).toBe(0)
    await server.stop()
  })

  test('leaves turns to others, however much a plugin publishes in promises of its own', async () => {
    let count = 0
    const { server, context, app } = await startActing(({ publish }) => ({
      publish(view) {
        if (++count === 5000) return
        void Promise.resolve().then(() => publish(view, { channel: 'room', name: 'e', data: '' }))
      },
    }))
    const turns: number[] = []
    const note = (): void => {
      turns.push(count)
      if (count < 5000) setImmediate(note)
    }
    setImmediate(note)
    await context.publish(app, { channel: 'room', name: 'e', data: '' })
    while (count < 5000) await new Promise<void>((resolve) => setImmediate(resolve))
    const steps = turns.map((reached, index) => reached - (turns[index - 1] ?? 0))
    expect(Math.max(...steps)).toBeLessThanOrEqual(1001)
    await server.stop()
  })

  test('a rejection that nobody catches is in the log, and ends nothing', async () => {
    const { server, context, app } = await startActing()
    void context.publish(app, { channel: 'a b', name: 'e', data: '' })
    await using client = await server.raw()
    await client.expectNothing()
    expect(failures(server)[0]?.fields).toMatchObject({ plugin: 'acts', hook: 'publish' })
    await server.stop()
  })

  test.each<[name: 'publish' | 'sendToUser' | 'channels', args: unknown[], message: string]>([
    ['publish', [undefined], 'destructure'],
    ['publish', [{ channel: 'a', name: 'e', data: '', socketId: 7 }], 'socketId must be text'],
    ['sendToUser', ['7', undefined], 'destructure'],
    ['channels', [{ prefix: 7 }], 'prefix must be text'],
  ])('%s with %j rejects, and does not throw', async (name, args, message) => {
    const { server, context, app } = await startActing()
    const act = context[name] as (...given: unknown[]) => Promise<unknown>
    const refusal = await act(app, ...args).then(
      () => 'done',
      (cause: Error) => cause.message,
    )
    expect(refusal).toContain(message)
    await server.stop()
  })

  test('answers a client event with what presence knows', async () => {
    const { server } = await startActing((carillon) => ({
      clientEvent: ({ app }, { event, channel }) => {
        if (event !== 'client-ask' || !app) return
        void (async () => {
          const members = await carillon.members(app, channel)
          const names = members.map(({ userId, userInfo }) => [userId, userInfo])
          await carillon.publish(app, { channel, name: 'members', data: names })
        })()
      },
    }))
    await using client = await server.raw()
    await server.signedIn(client, 'presence-room', { user_id: 'ann', user_info: { age: 7 } })
    client.send({ event: 'client-ask', channel: 'presence-room', data: {} })
    expect(await client.nextJson()).toEqual({
      event: 'members',
      channel: 'presence-room',
      data: '[["ann",{"age":7}]]',
    })
    await server.stop()
  })
})

describe('reads', () => {
  test('counts, members and channels', async () => {
    const { server, context, app } = await startActing()
    const clients = [await server.raw(), await server.raw(), await server.raw()]
    for (const [index, client] of clients.entries())
      await server.signedIn(client, 'presence-room', { user_id: `user-${index % 2}` })
    const outside = await server.raw()
    await outside.subscribed('room')
    server.signin(outside, '{"id":"ann"}')
    await outside.next('the sign-in')
    expect(await context.counts(app, 'presence-room')).toEqual({ subscriptions: 3, users: 2 })
    expect(await context.counts(app, 'nowhere')).toEqual({ subscriptions: 0, users: 0 })
    const members = await context.members(app, 'presence-room')
    expect(members.map(({ userId }) => userId)).toEqual(['user-0', 'user-1'])
    expect(await context.members(app, 'room')).toEqual([])
    const room = { name: 'room', subscriptions: 1, users: 0 }
    const all = [{ name: 'presence-room', subscriptions: 3, users: 2 }, room]
    expect(await context.channels(app)).toEqual(all)
    expect(await context.channels(app, { prefix: 'ro' })).toEqual([room])
    await server.stop()
  })

  test('reject the name of no channel, and work from start on', async () => {
    const early: Promise<unknown>[] = []
    const { server, context, app } = await startActing(({ counts, apps }) => {
      early.push(counts(apps.byId('1')!, 'room'))
      return {}
    })
    await expect(early[0]).rejects.toThrow('counts works from start on, and not in setup')
    await expect(context.counts(app, 'a b')).rejects.toThrow('Invalid channel name')
    await expect(context.channels({ id: '99' } as never)).rejects.toThrow('there is no app 99')
    await server.stop()
  })
})

describe('the connections of a user', () => {
  test('are found, sent something and closed', async () => {
    const { server, context, app } = await startActing()
    const [ann, other] = [await server.raw(), await server.raw()]
    for (const [client, id] of [
      [ann, 'ann'],
      [other, 'bob'],
    ] as const) {
      server.signin(client, JSON.stringify({ id }))
      await client.next('the sign-in')
    }
    expect(context.connectionsOf(app, 'ann').map(({ socketId }) => socketId)).toEqual([
      ann.socketId,
    ])
    await context.sendToUser(app, 'ann', { name: 'hello', data: { n: 1 } })
    expect(await ann.nextJson()).toMatchObject({ event: 'hello', data: '{"n":1}' })
    await context.terminateUser(app, 'ann')
    expect((await ann.closing()).code).toBe(4009)
    await other.expectNothing()
    expect(context.connectionsOf(app, 'ann')).toEqual([])
    await server.stop()
  })
})
