/** Contract 6.3 and 6.4: triggers that are refused, and limits that are settings. */
import { describe, expect, test } from 'bun:test'
import { startCommon, start, type StartOptions } from '../harness'
import { makeEvent, makeNames, post } from './event-requests'

describe('POST /events', () => {
  const REFUSED: readonly (readonly [name: string, body: unknown, status: number, text: string])[] =
    [
      ['no name', { channels: ['room'], data: 'x' }, 400, 'Expected name parameter to be a string'],
      [
        'a name that is a number',
        makeEvent({ name: 1 }),
        400,
        'Expected name parameter to be a string',
      ],
      ['an empty name', makeEvent({ name: '' }), 400, 'Event name must not be empty'],
      [
        'a name of 201 characters',
        makeEvent({ name: 'x'.repeat(201) }),
        400,
        'Event name of 201 characters exceeds the limit of 200 (maxEventNameChars)',
      ],
      [
        'a name of the server',
        makeEvent({ name: 'pusher:x' }),
        400,
        "Event name 'pusher:x' is reserved for the server",
      ],
      [
        'an internal name',
        makeEvent({ name: 'pusher_internal:member_added' }),
        400,
        "Event name 'pusher_internal:member_added' is reserved for the server",
      ],
      [
        'no data',
        { name: 'e', channels: ['room'] },
        400,
        'Expected data parameter to be present and of the documented type',
      ],
      [
        'data null',
        makeEvent({ data: null }),
        400,
        'Expected data parameter to be present and of the documented type',
      ],
      [
        'data of 10 241 bytes',
        makeEvent({ data: 'x'.repeat(10_241) }),
        413,
        'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)',
      ],
      ['no channel', { name: 'e', data: 'x' }, 400, 'Expected at least one channel'],
      [
        'an empty list of channels',
        makeEvent({ channels: [] }),
        400,
        'Expected at least one channel',
      ],
      [
        'channels that is text',
        makeEvent({ channels: 'room' }),
        400,
        'Expected channels parameter to be an array',
      ],
      [
        'a channel that is a number',
        makeEvent({ channels: ['room', 5] }),
        400,
        'Expected channels.1 parameter to be a string',
      ],
      [
        'one bad name in the list',
        makeEvent({ channels: ['room', 'bad name'] }),
        400,
        "Invalid channel name: 'bad name' (allowed are letters, digits and _-=@,.;)",
      ],
      [
        'a channel of 201 characters',
        makeEvent({ channels: ['x'.repeat(201)] }),
        400,
        'Invalid channel name: 201 characters exceed the limit of 200 (maxChannelNameChars)',
      ],
      [
        '101 channels',
        makeEvent({ channels: makeNames(101) }),
        400,
        '101 channels exceed the limit of 100 (maxChannelsPerTrigger)',
      ],
      ['a socket id of letters', makeEvent({ socket_id: 'abc' }), 400, "Invalid socket_id: 'abc'"],
      [
        'a socket id with a newline',
        makeEvent({ socket_id: '1.1\n' }),
        400,
        "Invalid socket_id: '1.1 '",
      ],
      [
        'a socket id that is a number',
        makeEvent({ socket_id: 1.5 }),
        400,
        'Expected socket_id parameter to be a string',
      ],
      [
        'an unknown info',
        makeEvent({ info: 'user_count,nonsense' }),
        400,
        "Unknown info attribute 'nonsense'",
      ],
      [
        'info named like an object’s own',
        makeEvent({ info: 'constructor' }),
        400,
        "Unknown info attribute 'constructor'",
      ],
      [
        'a name with a toString of its own',
        makeEvent({ name: { toString: 1 } }),
        400,
        'Expected name parameter to be a string',
      ],
      ['a body that is an array', [], 400, 'Expected the body to be a JSON object'],
    ]
  const server = startCommon()
  test.each(REFUSED)('%s: refused, and nothing is published', async (_, body, status, text) => {
    await using client = await server().raw()
    await client.subscribed('room')
    expect(await post(server().sdk(), '/events', body)).toEqual([status, `${text}\n`])
    await client.expectNothing()
    expect(server().core.counters.faults).toBe(0)
  })
})

test('data nested deeper than can be written out is refused', async () => {
  await using server = await start({ limits: { maxEventDataBytes: 400_000 } })
  const nested: unknown[] = []
  let inner = nested
  for (let depth = 0; depth < 10; depth++) inner.push((inner = []))
  const body = JSON.stringify(makeEvent({ data: nested })).replace(
    '[[]]',
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  )
  const sdk = server.sdk()
  const query = sdk.createSignedQueryString({ method: 'POST', path: '/apps/1/events', body })
  const response = await server.http(`/apps/1/events?${query}`, { method: 'POST', body })
  expect([response.status, await response.text()]).toEqual([400, 'data is nested too deep\n'])
  expect(server.core.counters.faults).toBe(0)
})

describe('limits are settings', () => {
  const CASES: readonly (readonly [
    StartOptions['limits'] & object,
    body: object,
    status: number,
  ])[] = [
    [{ maxEventDataBytes: 3 }, makeEvent({ data: 'xxxx' }), 413],
    [{ maxEventNameChars: 3 }, makeEvent({ name: 'xxxx' }), 400],
    [{ maxChannelNameChars: 3 }, makeEvent(), 400],
    [{ maxChannelsPerTrigger: 1 }, makeEvent({ channels: ['a', 'b'] }), 400],
  ]
  test.each(CASES)('%j', async (limits, body, status) => {
    await using server = await start({ limits })
    expect((await post(server.sdk(), '/events', body))[0]).toBe(status)
  })
})
