/** What clients ask of history that makes no sense: refused in words, or read as JSON is, and nothing is parsed for it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'

const rule = { prefix: '', size: 10, ttl_seconds: 60, durable: false, rewind: 0 }

let server: TestServer
/** Of a channel with one event. */
let epoch: string
beforeAll(async () => {
  server = await start()
  await server.change({ history: [rule] })
  await server.trigger({ channel: 'kept', name: 'e', data: 'x' })
  epoch = (await (await server.signed('GET', '/channels/kept/history')).json()).epoch
})
afterAll(() => server.stop())

const SINCE = 'expected an object of epoch and offset'
const REWIND = 'expected a whole number from 0 to 1000'
const NINES = '9'.repeat(9000)
const KEYS = Array.from({ length: 900 }, (_, n) => `"k${n}":0`).join()

const REFUSED: readonly (readonly [data: string, message: string])[] = [
  ['"rewind":-1', 'Invalid rewind -1: expected a whole number from 0 to 1000'],
  ['"rewind":1001', 'Invalid rewind 1001: expected a whole number from 0 to 1000'],
  [
    '"rewind":9007199254740992',
    'Invalid rewind 9007199254740992: expected a whole number from 0 to 1000',
  ],
  ['"rewind":1.5', 'Invalid rewind 1.5: expected a whole number from 0 to 1000'],
  ['"rewind":"2"', 'Invalid rewind "2": expected a whole number from 0 to 1000'],
  ['"rewind":[1]', 'Invalid rewind [1]: expected a whole number from 0 to 1000'],
  ['"rewind":null', 'Invalid rewind null: expected a whole number from 0 to 1000'],
  ['"positions":1', 'Invalid positions 1: expected true or false'],
  ['"since":[]', 'Invalid since []: expected an object of epoch and offset'],
  ['"since":"a:1"', 'Invalid since "a:1": expected an object of epoch and offset'],
  ['"since":{"epoch":"a"}', 'Invalid since {"epoch":"a"}: expected an object of epoch and offset'],
  [
    '"since":{"epoch":"A","offset":1}',
    'Invalid since {"epoch":"A","offset":1}: expected an object of epoch and offset',
  ],
  [
    '"since":{"epoch":["a"],"offset":1}',
    'Invalid since {"epoch":["a"],"offset":1}: expected an object of epoch and offset',
  ],
  [
    '"since":{"epoch":"a","offset":-1}',
    'Invalid since {"epoch":"a","offset":-1}: expected an object of epoch and offset',
  ],
  [
    '"since":{"epoch":"a","offset":9007199254740992}',
    'Invalid since {"epoch":"a","offset":9007199254740992}: expected an object of epoch and offset',
  ],
  [
    '"since":{"epoch":"a","offset":1,"socket_id":7}',
    'Invalid since {"epoch":"a","offset":1,"socket_id":7}: expected an object of epoch and offset',
  ],
  ['"rewind":1.0', `Invalid rewind 1.0: ${REWIND}`],
  ['"rewind":-0', `Invalid rewind -0: ${REWIND}`],
  ['"rewind":1e400', `Invalid rewind 1e400: ${REWIND}`],
  [`"rewind":${NINES}`, `Invalid rewind ${NINES.slice(0, 60)}: ${REWIND}`],
  [`"rewind":"${NINES}"`, `Invalid rewind "${NINES.slice(0, 59)}: ${REWIND}`],
  ['"rewind":1,"rewind":{}', `Invalid rewind {}: ${REWIND}`],
  ['"since":null', `Invalid since null: ${SINCE}`],
  ['"since":{"epoch":"a","offset":0.0}', `Invalid since {"epoch":"a","offset":0.0}: ${SINCE}`],
  [
    '"since":{"__proto__":{"epoch":"a","offset":0}}',
    `Invalid since {"__proto__":{"epoch":"a","offset":0}}: ${SINCE}`,
  ],
  [`"since":${'['.repeat(3000)}${']'.repeat(3000)}`, `Invalid since ${'['.repeat(60)}: ${SINCE}`],
  [`"since":{${KEYS},"epoch":"a","offset":0}`, `Invalid since {${KEYS.slice(0, 59)}: ${SINCE}`],
  [
    '"since":{"epoch":"toString","offset":0}',
    `Invalid since {"epoch":"toString","offset":0}: ${SINCE}`,
  ],
]

test.each(REFUSED.map(([data, message]) => [data.slice(0, 60), data, message] as const))(
  '%s is refused in words, and leaves no trace',
  async (_, data, message) => {
    await using client = await server.raw()
    client.send(`{"event":"pusher:subscribe","data":{"channel":"room",${data}}}`)
    const error = { event: 'pusher:error', data: { code: null, message } }
    const refused = { type: 'InvalidHistory', error: message, status: 400 }
    expect((await client.frames.take(2)).map((frame) => JSON.parse(frame))).toEqual([
      { event: 'pusher:subscription_error', channel: 'room', data: refused },
      error,
    ])
    expect(server.occupied).toEqual([])
  },
)

/** The last of equal keys counts, as in `JSON.parse`. */
const READ: readonly (readonly [data: string, recovered: string])[] = [
  ['"since":{"epoch":"zz","offset":0},"since":{"epoch":"EPOCH","offset":0}', 'true,"missed":1'],
  ['"since":{"epoch":"zz","epoch":"EPOCH","offset":5,"offset":0}', 'true,"missed":1'],
  ['"since":{"epoch":"EPOCH","offset":0},"since":{"epoch":"zz","offset":0}', 'false'],
  ['"__proto__":{"since":1},"since":{"epoch":"EPOCH","offset":1}', 'true,"missed":0'],
  ['"since":{"epoch":"EPOCH","offset":2}', 'false'],
  ['"since":{"epoch":"EPOCH","offset":999999999999999}', 'false'],
  ['"since":{"epoch":"constructor","offset":0}', 'false'],
  ['"since":{"epoch":"","offset":0}', 'false'],
]

test.each(READ)('%s is read', async (data, recovered) => {
  await using client = await server.raw()
  const asked = data.replace('EPOCH', epoch)
  client.send(`{"event":"pusher:subscribe","data":{"channel":"kept",${asked}}}`)
  const history = `"history":{"recovered":${recovered},"epoch":"${epoch}","offset":1}}`
  expect(await client.next('the reply')).toEndWith(history)
  if (recovered === 'true,"missed":1') expect(await client.next('the event')).toContain('"e"')
  await client.expectNothing()
})

test('many that come at once hold up nobody else', async () => {
  await using client = await server.raw()
  await using other = await server.raw()
  const since = { epoch, offset: 0 }
  for (let n = 0; n < 5000; n++) {
    const event = n % 2 ? 'pusher:unsubscribe' : 'pusher:subscribe'
    client.send({ event, data: { channel: 'kept', since } })
  }
  await other.subscribed('room')
  await other.expectNothing()
  expect(server.totals.faults).toBe(0)
})
