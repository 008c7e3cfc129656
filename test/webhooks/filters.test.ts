/** Contract 7.4 and 7.7: who is sent what, and how much at once. */
import { describe, expect, test } from 'bun:test'
import { emit, Receiver, startWithWebhooks, waitUntil } from './receiver'

describe('7.7 filters', () => {
  const WANTED = [
    [
      'everything',
      {},
      [
        'channel_occupied presence-a-x',
        'member_added presence-a-x 10',
        'channel_occupied private-b',
      ],
    ],
    ['event types', { event_types: ['member_added'] }, ['member_added presence-a-x 10']],
    [
      'a prefix',
      { filter: { channel_name_starts_with: 'private-' } },
      ['channel_occupied private-b'],
    ],
    [
      'a suffix',
      { filter: { channel_name_ends_with: '-x' } },
      ['channel_occupied presence-a-x', 'member_added presence-a-x 10'],
    ],
    [
      'all of them',
      {
        event_types: ['channel_occupied'],
        filter: { channel_name_starts_with: 'presence-', channel_name_ends_with: '-x' },
      },
      ['channel_occupied presence-a-x'],
    ],
  ] as const

  test('each endpoint gets what it wants and nothing else', async () => {
    await using receiver = new Receiver()
    const webhooks = WANTED.map(([, wants], index) => ({
      url: `${receiver.url}/${index}`,
      ...wants,
    }))
    webhooks.push({ url: `${receiver.url}/none`, event_types: [] as never })
    await using server = await startWithWebhooks(webhooks)
    await using client = await server.raw()
    await server.signedIn(client, 'presence-a-x', { user_id: '10' })
    await server.signedIn(client, 'private-b')
    await waitUntil('all are delivered', () => server.totals.webhookEventsDelivered === 8)
    const received = receiver.requests.unread.flatMap(({ path, events }) =>
      events.map((event) => `${path} ${event}`),
    )
    const expected = WANTED.flatMap(([, , events], index) =>
      events.map((event) => `/hook/${index} ${event}`),
    )
    expect(received.toSorted()).toEqual(expected.toSorted())
  })

  test('apps are never mixed, and one without webhooks has none', async () => {
    await using receiver = new Receiver()
    await using server = await startWithWebhooks([{ url: receiver.url }])
    const { core } = server
    const base = core.apps.byId('1')!.record
    const keys = [{ key: 'other-key', secret: 'other-secret' }]
    const none = [{ key: 'third-key', secret: 'third-secret' }]
    core.apps.create({ ...base, id: '2', name: 'other', slug: 'other', keys }, 0)
    core.apps.create(
      { ...base, id: '3', name: 'third', slug: 'third', keys: none, webhooks: [] },
      0,
    )
    for (const key of ['third-key', 'other-key', 'test-app-fake-key']) {
      const client = await server.raw({ path: `/app/${key}?protocol=7` })
      await client.subscribed('room')
      if (key === 'third-key') continue
      const secret = key === 'other-key' ? 'other-secret' : 'test-app-fake-secret'
      expect(await receiver.events(server.sdk({ key, secret }))).toEqual(['channel_occupied room'])
    }
  })
})

describe('7.4 batches', () => {
  const LETTERS = ['a', 'b', 'c', 'd']

  test.each([
    ['what is collected within the window goes out together', 100, [4]],
    ['no more than the setting says at once', 3, [3, 1]],
    ['one by one where that is wanted', 1, [1, 1, 1, 1]],
  ])('%s', async (_, webhookBatchEvents, sizes) => {
    await using receiver = new Receiver()
    const config = { webhookFlushMs: 50, webhookBatchEvents }
    await using server = await startWithWebhooks([{ url: receiver.url }], { config })
    await using client = await server.raw()
    for (const channel of LETTERS) await client.subscribed(channel)
    server.advance(49)
    await client.expectNothing()
    expect(server.totals.webhookEvents).toBe(0)
    server.advance(1)
    const received = []
    for (const _size of sizes) received.push((await receiver.next(server.sdk())).events)
    expect(received.map(({ length }) => length)).toEqual([...sizes])
    expect(received.flat()).toEqual(LETTERS.map((channel) => `channel_occupied ${channel}`))
  })

  test('no more than a megabyte at once, whatever the alphabet', async () => {
    await using receiver = new Receiver()
    const config = { webhookFlushMs: 50 }
    await using server = await startWithWebhooks([{ url: receiver.url }], { config })
    const data = `"${'\u20ac'.repeat(3400)}"`
    const event = { type: 'client_event', channel: 'private-a', event: 'client-e', data }
    for (let n = 0; n < 100; n++)
      emit(server, { ...event, socketId: '1.1', userId: undefined } as never)
    server.advance(50)
    let events = 0
    while (events < 100) {
      const received = await receiver.next(server.sdk())
      expect(Buffer.byteLength(received.body)).toBeLessThan(1_000_000)
      events += received.events.length
    }
    expect(events).toBe(100)
  })
})
