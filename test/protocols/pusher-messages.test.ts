/** Contract 1.7: everything that is no message. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { makeErrorFrame } from '../frames'

describe('what is no message is refused, and the connection stays', () => {
  const NOT_JSON = makeErrorFrame(
    null,
    'Invalid message: expected a JSON object with a string "event"',
  )
  const unknown = (event: string): string => makeErrorFrame(null, `Unknown event '${event}'`)
  const expected = (event: string): string =>
    makeErrorFrame(null, `Invalid ${event}: expected data with a channel`)
  const MESSAGES: readonly (readonly [
    name: string,
    message: string | Uint8Array,
    frame: string,
  ])[] = [
    ['nothing', '', NOT_JSON],
    ['text', 'hello', NOT_JSON],
    ['half an object', '{"event":', NOT_JSON],
    ['null', 'null', NOT_JSON],
    ['a number', '5', NOT_JSON],
    ['a string', '"pusher:ping"', NOT_JSON],
    ['an array', '[{"event":"pusher:ping"}]', NOT_JSON],
    ['an object without event', '{}', NOT_JSON],
    ['an event that is a number', '{"event":5}', NOT_JSON],
    ['an event that is an array', '{"event":["pusher:ping"]}', NOT_JSON],
    ['an event that is null', '{"event":null}', NOT_JSON],
    ['nothing but a prototype', '{"__proto__":{"event":"pusher:ping"}}', NOT_JSON],
    ['an unknown pusher event', '{"event":"pusher:nonsense"}', unknown('pusher:nonsense')],
    [
      'an event of the server',
      '{"event":"pusher_internal:member_added","channel":"a"}',
      unknown('pusher_internal:member_added'),
    ],
    ['an event named like an object’s own', '{"event":"constructor"}', unknown('constructor')],
    ['an event named __proto__', '{"event":"__proto__"}', unknown('__proto__')],
    ['an empty event', '{"event":""}', unknown('')],
    ['an event in upper case', '{"event":"PUSHER:PING"}', unknown('PUSHER:PING')],
    [
      'a long event, quoted in part',
      `{"event":"${'x'.repeat(500)}"}`,
      unknown(`${'x'.repeat(120)}…`),
    ],
    ['subscribe without data', '{"event":"pusher:subscribe"}', expected('pusher:subscribe')],
    [
      'subscribe with null',
      '{"event":"pusher:subscribe","data":null}',
      expected('pusher:subscribe'),
    ],
    [
      'subscribe with an array',
      '{"event":"pusher:subscribe","data":["room"]}',
      expected('pusher:subscribe'),
    ],
    [
      'subscribe with text',
      '{"event":"pusher:subscribe","data":"room"}',
      expected('pusher:subscribe'),
    ],
    [
      'subscribe with a number',
      '{"event":"pusher:subscribe","data":7}',
      expected('pusher:subscribe'),
    ],
    ['unsubscribe without data', '{"event":"pusher:unsubscribe"}', expected('pusher:unsubscribe')],
    [
      'unsubscribe from a number',
      '{"event":"pusher:unsubscribe","data":{"channel":7}}',
      makeErrorFrame(null, 'Invalid channel name: expected a string'),
    ],
    ['bytes that are no text', new Uint8Array([0xff, 0xfe, 0x00]), NOT_JSON],
    [
      'bytes that are a message but for one',
      Buffer.from('{"event":"pusher:subscribe","data":{"channel":"room","auth":"\xff"}}', 'latin1'),
      NOT_JSON,
    ],
    ['64 arrays deep', '['.repeat(64) + ']'.repeat(64), NOT_JSON],
    ['20 000 arrays deep', '['.repeat(20_000) + ']'.repeat(20_000), NOT_JSON],
    [
      '65 537 characters',
      'x'.repeat(65_537),
      makeErrorFrame(
        null,
        'Message of 65537 characters exceeds the limit of 65536 (4 x maxEventDataBytes and maxUserInfoBytes, and 16384)',
      ),
    ],
    [
      'as many bytes as the transport takes',
      'x'.repeat(262_144),
      makeErrorFrame(
        null,
        'Message of 262144 characters exceeds the limit of 65536 (4 x maxEventDataBytes and maxUserInfoBytes, and 16384)',
      ),
    ],
  ]
  test.each(MESSAGES)('%s', async (_, message, frame) => {
    await using server = await start()
    await using client = await server.raw()
    await using neighbour = await server.raw()
    client.send(message)
    expect(await client.next()).toBe(frame)
    await client.expectNothing()
    await neighbour.expectNothing()
    expect(server.core.counters.faults).toBe(0)
    expect(server.core.hub.connectionCount).toBe(2)
  })

  test('a client event nested 18 000 deep neither throws nor closes', async () => {
    await using server = await start()
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    const deep = `${'['.repeat(18_000)}${']'.repeat(18_000)}`
    client.send(`{"event":"client-x","channel":"private-room","data":${deep}}`)
    expect(await client.next()).toBe(
      makeErrorFrame(null, 'Invalid client event (data is nested too deep)'),
    )
    await client.expectNothing()
    expect(server.core.counters.faults).toBe(0)
  })

  test('a message in a binary frame is read as text', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.send(new TextEncoder().encode('{"event":"pusher:subscribe","data":{"channel":"room"}}'))
    expect(await client.next()).toContain('subscription_succeeded')
  })

  test('10 000 subscribes in one burst: as many as fit, then a refusal each; neighbours do not notice', async () => {
    await using server = await start()
    await using client = await server.raw()
    await using neighbour = await server.raw()
    for (let n = 0; n < 10_000; n++) client.subscribe(`room-${n}`)
    await neighbour.expectNothing()
    const frames = await client.frames.take(2000 + 2 * 8000)
    expect(frames.filter((frame) => frame.includes('subscription_succeeded'))).toHaveLength(2000)
    expect(frames.filter((frame) => frame.includes('maxChannelsPerConnection'))).toHaveLength(
      16_000,
    )
    await client.expectNothing()
  })
})
