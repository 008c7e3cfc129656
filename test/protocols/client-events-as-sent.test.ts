/** What a client event carries reaches every wire as its sender wrote it, and where it carries nothing, nothing. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { replace } from '../../src/plugin'
import { startCommon, makePlugin, start } from '../harness'
import { Receiver, startWithWebhooks } from '../webhooks/receiver'
import { CHANNEL, joinEveryWire, joinWire, TRUSTING, VALUES, type SentEvent } from './as-sent'

const LIMITS = { maxClientEventsPerSecond: 10_000, maxClientEventBytesPerSecond: 10_000_000 }

const server = startCommon({ plugins: [TRUSTING], limits: LIMITS })

const byPusher = (data: string) => `{"event":"client-x","channel":"${CHANNEL}","data":${data}}`
const byV2 = (data: string) => `["1","7","${CHANNEL}","client-x",${data}]`

/** By the wire of who sends it, the frame with the data. */
const WAYS: Readonly<Record<string, (data: string) => string>> = {
  'Pusher, WebSocket': byPusher,
  'Pusher, HTTP': byPusher,
  'Phoenix V1': (data) => `{"topic":"${CHANNEL}","event":"client-x","payload":${data},"ref":"7"}`,
  'Phoenix V2': byV2,
  'Phoenix, long-poll': byV2,
}

/** Text, and what those get of it who read the JSON that it holds. */
const TEXTS: readonly (readonly [text: string, value: string])[] = [
  ['"\\u0041\\ud800"', '"\\u0041\\ud800"'],
  ['"{\\"a\\":1.0,\\"\\u0062\\":-0}"', '{"a":1.0,"b":-0}'],
  ['" [1E2]"', ' [1E2]'],
  ['"{\\"a\\":\\"\\ud800\\"}"', '{"a":"\\ud800"}'],
  ['""', '""'],
]

let allHear: (expected: SentEvent) => Promise<void>
beforeAll(async () => {
  allHear = await joinEveryWire(server())
})

describe.each(Object.entries(WAYS))('by %s', (wire, frame) => {
  test('as it was written', async () => {
    const sender = await joinWire(server(), wire)
    for (const [json, value] of [...VALUES.map((each) => [each, each] as const), ...TEXTS]) {
      await sender.send(frame(json))
      await allHear({ event: 'client-x', json, value })
    }
  })

  test('null is a value', async () => {
    const sender = await joinWire(server(), wire)
    await sender.send(frame('null'))
    await allHear({ event: 'client-x', json: 'null', value: 'null' })
  })
})

/** As small libraries, pusher-js' `trigger('client-x')` and Laravel Echo's `whisper('exit')` write it. */
const WITHOUT = [
  `{"event":"client-x","channel":"${CHANNEL}"}`,
  `{"channel":"${CHANNEL}","event":"client-x","user_id":"made up"}`,
]
test.each(WITHOUT)('%s arrives without data (laravel/reverb 314)', async (frame) => {
  for (const wire of ['Pusher, WebSocket', 'Pusher, HTTP']) {
    const sender = await joinWire(server(), wire)
    await sender.send(frame)
    await allHear({ event: 'client-x', value: '{}' })
  }
})

test('plugins and webhooks are shown no data where there is none', async () => {
  await using receiver = new Receiver()
  const shown: object[] = []
  const watching = makePlugin('watching', {
    clientEvent: (_, event) => void shown.push({ ...event }),
    webhook: (_, { name, data }) => void (name === 'client_event' && shown.push({ name, data })),
  })
  const plugins = [TRUSTING, watching]
  const webhooks = [{ url: receiver.url, event_types: ['client_event'] }]
  await using own = await startWithWebhooks(webhooks, { plugins, limits: LIMITS, now: Date.now() })
  const sender = await joinWire(own, 'Pusher, WebSocket')
  const relay = async (frame: string): Promise<string> => {
    await sender.send(frame)
    const { body } = await receiver.next(own.sdk())
    return /"event":"client-x".*(?=,"socket_id")/.exec(body)![0]
  }
  expect(await relay(WITHOUT[0]!)).toBe('"event":"client-x"')
  for (const json of VALUES)
    expect(await relay(byPusher(json))).toBe(`"event":"client-x","data":${JSON.stringify(json)}`)
  const expected = { channel: CHANNEL, event: 'client-x', userId: undefined }
  expect(shown.slice(0, 2)).toStrictEqual([expected, { name: 'client_event', data: undefined }])
  expect(shown[2]).toStrictEqual({ ...expected, data: VALUES[0] })
})

test('a plugin puts data where there was none', async () => {
  const replacing = makePlugin('telling', { clientEvent: () => replace({ a: 1 }) })
  await using own = await start({ plugins: [TRUSTING, replacing] })
  const [sender, listener] = [
    await joinWire(own, 'Pusher, WebSocket'),
    await joinWire(own, 'Pusher, WebSocket'),
  ]
  await sender.send(WITHOUT[0]!)
  expect(await listener.next()).toBe(byPusher('{"a":1}'))
})

describe('how long data may be', () => {
  const FITS = [
    `"${'x'.repeat(10_240)}"`,
    `"${'\\u0061'.repeat(10_240)}"`,
    `[${' '.repeat(10_238)}]`,
  ]
  test.each(FITS)('%#', async (json) => {
    const [sender, listener] = [
      await joinWire(server(), 'Pusher, WebSocket'),
      await joinWire(server(), 'Pusher, WebSocket'),
    ]
    await sender.send(byPusher(json))
    expect(await listener.next()).toBe(byPusher(json))
  })

  const TOO_LONG = [
    ['text', `"${'x'.repeat(10_241)}"`, 10_241],
    ['escapes of text', `"${'\\u8a9e'.repeat(3414)}"`, 10_242],
    ['space', `[${' '.repeat(10_239)}]`, 10_241],
    ['escapes in values', `["${'\\u8a9e'.repeat(1707)}"]`, 10_246],
  ] as const
  test.each(TOO_LONG)('%s', async (_, json, bytes) => {
    const sender = await joinWire(server(), 'Pusher, WebSocket')
    await sender.send(byPusher(json))
    expect(await sender.next()).toContain(`allowed maximum (${bytes} of 10240 bytes)`)
  })
})
