/** Contract 6.5: batches. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { post } from './event-requests'

describe('POST /batch_events', () => {
  const item = (more: object = {}): object => ({ channel: 'room', name: 'e', data: 'x', ...more })

  test('events arrive in their order', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const batch = Array.from({ length: 10 }, (_, n) => item({ data: String(n) }))
    expect(await post(server.sdk(), '/batch_events', { batch })).toEqual([200, '{}'])
    const data = (await client.frames.take(10)).map((frame) => JSON.parse(frame).data)
    expect(data).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })

  test('info of one item brings a list as long as the batch', async () => {
    await using server = await start()
    const batch = [
      item(),
      item({ info: 'subscription_count' }),
      item({ channel: 'presence-a', info: 'user_count' }),
    ]
    expect(await post(server.sdk(), '/batch_events', { batch })).toEqual([
      200,
      '{"batch":[{},{"subscription_count":0},{"user_count":0}]}',
    ])
  })

  test('an empty batch is fine', async () => {
    await using server = await start()
    expect(await post(server.sdk(), '/batch_events', { batch: [] })).toEqual([200, '{}'])
  })

  const REFUSED: readonly (readonly [name: string, body: unknown, status: number, text: string])[] =
    [
      [
        '11 events, as pusher-http-php’s acceptance test looks for it',
        { batch: Array.from({ length: 11 }, () => item()) },
        400,
        'Batch too large: 11 events exceed the limit of 10 (maxEventsPerBatch)',
      ],
      ['no batch', {}, 400, 'Expected batch parameter to be an array'],
      ['a batch that is an object', { batch: {} }, 400, 'Expected batch parameter to be an array'],
      [
        'an item that is null',
        { batch: [null] },
        400,
        'Expected batch.0 parameter to be an object',
      ],
      [
        'one item without a channel',
        { batch: [item(), { name: 'e', data: 'x' }] },
        400,
        'Expected batch.1.channel parameter to be a string',
      ],
      [
        'one item over the size',
        { batch: [item(), item({ data: 'x'.repeat(10_241) })] },
        413,
        'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)',
      ],
      [
        'one item with a bad name',
        { batch: [item(), item({ channel: 'a b' })] },
        400,
        "Invalid channel name: 'a b' (allowed are letters, digits and _-=@,.;)",
      ],
    ]
  test.each(REFUSED)(
    '%s: refused, and nothing of it is published',
    async (_, body, status, text) => {
      await using server = await start()
      await using client = await server.raw()
      await client.subscribed('room')
      expect(await post(server.sdk(), '/batch_events', body)).toEqual([status, `${text}\n`])
      await client.expectNothing()
    },
  )
})
