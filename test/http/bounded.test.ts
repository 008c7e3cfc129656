/** What a request may make the server do: it is refused by its size and its first mistake, and nothing behind them is looked at. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { isLonger, jsonOf, describeExcess } from '../../src/core/json'
import { describeMistake } from '../../src/http/mistake'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from '../credentials'
import { start, type TestServer } from '../harness'
import { FORM } from './admin-requests'
import { makeEvent, post } from './event-requests'
import { post as postEvent } from '../dialects/expusherlite/requests'
import { push } from '../dialects/pushex/requests'

let server: TestServer
beforeAll(async () => {
  server = await start()
})
afterAll(() => server.stop())

const ones = (count: number): number[] => Array.from({ length: count }, () => 1)
const nestArrays = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
const HEAVY =
  'The body has too many values: the limit is 65536, and an object or list counts as two, a text as three, a key as five more'
const DEEP = 'data is nested too deep'
const LARGE = 'The data content of this event exceeds the allowed maximum'
const INFO = 'subscription_count'

/** Path, body, and the line that refuses it. */
const TRIGGERS: readonly (readonly [
  name: string,
  path: string,
  body: unknown,
  status: number,
  said: string,
])[] = [
  [
    'more channels than there may be are counted, not looked at',
    '/events',
    makeEvent({ channels: ones(30_000) }),
    400,
    '30000 channels exceed the limit of 100 (maxChannelsPerTrigger)',
  ],
  [
    'more events than there may be are counted, not looked at',
    '/batch_events',
    { batch: ones(60_000) },
    400,
    'Batch too large: 60000 events exceed the limit of 10 (maxEventsPerBatch)',
  ],
  [
    'of as many as there may be the first mistake is told',
    '/events',
    makeEvent({ channels: ones(100) }),
    400,
    'Expected channels.0 parameter to be a string',
  ],
  [
    'data that is too long is told so, however deep it is',
    '/events',
    makeEvent({ data: [JSON.parse(nestArrays(1000)), ones(8000)] }),
    413,
    `${LARGE} (more than 10240 bytes)`,
  ],
  [
    'data that is too deep',
    '/events',
    makeEvent({ data: JSON.parse(nestArrays(1000)) }),
    400,
    DEEP,
  ],
  [
    'long data of a batch',
    '/batch_events',
    { batch: [{ name: 'e', channel: 'room', data: ones(60_000) }] },
    413,
    `${LARGE} (more than 10240 bytes)`,
  ],
  [
    'more than data may have, and what is no text is 64 KB',
    '/events',
    makeEvent({ data: Array.from({ length: 13_000 }, () => 12_345) }),
    400,
    'The body has more than 75776 characters that are in no text',
  ],
  [
    'of a batch, more than the data of all events may have',
    '/batch_events',
    { batch: [{ name: 'e', channel: 'room', data: Array.from({ length: 29_000 }, () => 12_345) }] },
    400,
    'The body has more than 167936 characters that are in no text',
  ],
  [
    'more objects than can be read in a turn',
    '/batch_events',
    { batch: [{ data: Array.from({ length: 33_000 }, () => ({})) }] },
    400,
    HEAVY,
  ],
  [
    'more levels than can be read in a turn',
    '/events',
    { ...makeEvent(), data: JSON.parse(nestArrays(20_000)) },
    400,
    'data is nested too deep',
  ],
  [
    'an info without an end',
    '/events',
    makeEvent({ info: `${INFO},`.repeat(1000) }),
    400,
    'info of 19000 characters exceeds the limit of 16384',
  ],
]
test.each(TRIGGERS)('%s', async (_, path, body, status, message) => {
  expect(await post(server.sdk(), path, body)).toEqual([status, `${message}\n`])
})

test('an attribute that is asked for 700 times is told once', async () => {
  await using client = await server.raw()
  await client.subscribed('room')
  const info = Array.from({ length: 700 }, (_, index) => INFO + ' '.repeat(index % 2)).join()
  expect(await post(server.sdk(), '/events', makeEvent({ info }))).toEqual([
    200,
    '{"channels":{"room":{"subscription_count":1}}}',
  ])
  const { status } = await server.signed('GET', '/channels', '', `info=${info.replaceAll(' ', '')}`)
  expect(status).toBe(200)
})

test('a query has 50 parameters', async () => {
  const statusOf = async (count: number) => {
    // Four are of the signature.
    const more = Array.from({ length: count - 4 }, (_, index) => `z${index + 10}=1`)
    const answer = await server.signed('GET', '/channels', '', more.join('&'))
    return [answer.status, await answer.text()]
  }
  expect(await statusOf(50)).toEqual([200, expect.stringContaining('channels')])
  expect(await statusOf(51)).toEqual([400, 'More than 50 parameters in the query\n'])
  expect((await server.http(`/apps/nobody/channels?${'a&'.repeat(51)}`)).status).toBe(400)
})

test('a long query is not repeated whole where its signature is wrong', async () => {
  const seconds = Math.floor(server.clock.now() / 1000)
  const query = `auth_key=${server.app.key}&auth_timestamp=${seconds}&auth_version=1.0`
  const answer = await server.http(`/apps/1/channels?${query}&x=${'x'.repeat(10_000)}`)
  const text = await answer.text()
  expect(text).toStartWith('Invalid signature: you should have sent HmacSHA256Hex("GET\\n/apps/1')
  expect(text.length).toBeLessThan(1200)
})

const fields = (count: number): string => Array.from({ length: count }, () => 'a[]=1').join('&')
const lists = (count: number): string => `[${'[],'.repeat(count - 2)}[]]`
const texts = (count: number): string => JSON.stringify(ones(count).map(String))
const keys = (count: number): string =>
  `{${ones(count)
    .map((_, n) => `"${n}":1`)
    .join()}}`
const APP_APIS = ['/api/push', '/api/apps/test-app/events']
const ADMIN_API = ['/api/admin/apps']
/** Bodies of the other APIs: whose admins may do more. */
const UNREADABLE: readonly (readonly [
  name: string,
  body: string,
  isForm: boolean,
  paths: readonly string[],
  said: string,
])[] = [
  ['2049 fields', fields(2049), true, APP_APIS, 'The form has more than 2048 fields'],
  ['8193 fields', fields(8193), true, ADMIN_API, 'The form has more than 8192 fields'],
  ['a name of 90 KB', `a${'[a]'.repeat(30_000)}=1`, true, APP_APIS, 'Bad Request'],
  ['a long name', `a${'[a]'.repeat(100_000)}=1`, true, ADMIN_API, 'Bad Request'],
  ['32 770 lists', lists(32_770), false, APP_APIS, HEAVY],
  ['65 538 lists', lists(65_538), false, ADMIN_API, HEAVY.replace('65536', '131072')],
  ['33 000 levels', nestArrays(33_000), false, APP_APIS, DEEP],
]
test.each(UNREADABLE)('%s are refused', async (_, body, isForm, paths, message) => {
  for (const path of paths) {
    const headers = {
      ...(isForm ? FORM : {}),
      ...makeBasicAuth(path === ADMIN_API[0] ? ADMIN_PAIR : PAIR),
    }
    const answer = await server.http(path, { method: 'POST', body, headers })
    expect([answer.status, await answer.json()]).toEqual([400, { errors: { detail: message } }])
  }
})

test.each([
  ['/api/push', PAIR, 128 * 1024],
  ['/api/apps/test-app/events', PAIR, 128 * 1024],
  ['/api/admin/apps', ADMIN_PAIR, 512 * 1024],
])('of a form at %s each escape takes time', async (path, pair, most) => {
  const headers = { ...FORM, ...makeBasicAuth(pair) }
  const post = async (bytes: number) => {
    const body = `a=${'%'.repeat(bytes - 2)}`
    const answer = await server.http(path, { method: 'POST', body, headers })
    return [answer.status, await answer.text()]
  }
  expect((await post(most))[0]).not.toBe(413)
  expect(await post(most + 1)).toEqual([413, expect.stringContaining(`more than ${most} bytes`)])
})

test('the longest event that the settings allow is a form, in any script', async () => {
  const limits = { maxEventDataBytes: 102_400, maxEventsPerBatch: 1 }
  await using roomy = await start({ limits })
  const data = '語'.repeat(limits.maxEventDataBytes / 3)
  const body = new URLSearchParams({ channel: 'a', event: 'e', data })
  const headers = makeBasicAuth(PAIR)
  expect((await roomy.http('/api/push', { method: 'POST', body, headers })).status).toBe(200)
})

test('a payload and data that are too long are not parsed', async () => {
  const payload = `{"a":"${'x'.repeat(10_240)}"}`
  const message = `${LARGE} (10248 of 10240 bytes)`
  for (const answer of [
    await postEvent(server, JSON.stringify({ scope: 'public', topic: 't', event: 'e', payload })),
    await push(server, { channel: 'a', event: 'e', data: payload }),
  ])
    expect([answer.status, await answer.json()]).toEqual([413, { errors: { detail: message } }])
})

test('channels of a push are counted before they are looked at, each once', async () => {
  const postPush = async (channel: unknown) => {
    const answer = await push(server, { channel, event: 'e', data: 1 })
    return [answer.status, await answer.text()]
  }
  const odd = Array.from({ length: 20_000 }, (_, index) => `#${index}`) // no names of channels
  const message = '20000 channels exceed the limit of 100 (maxChannelsPerTrigger)'
  expect(await postPush(odd)).toEqual([400, JSON.stringify({ errors: { detail: message } })])
  const same = Array.from({ length: 20_000 }, (_, index) => `room-${index % 100}`)
  expect((await postPush(same))[0]).toBe(200)
})

test('what is long is not repeated whole: an origin, the name of a field', async () => {
  const long = 'x'.repeat(10_000)
  const foreign = await server.admin('/api/admin/apps', { headers: { origin: `http://${long}` } })
  const text = await foreign.text()
  expect([foreign.status, text.length < 300, text]).toEqual([
    403,
    true,
    expect.stringContaining('CARILLON_ADMIN_ORIGINS'),
  ])
  const body = JSON.stringify({ app: { name: 'some name', [long]: 1 } })
  const unknown = await server.admin('/api/admin/apps', { method: 'POST', body })
  expect(Object.keys((await unknown.json()).errors)).toEqual([`${'x'.repeat(120)}…`])
})

test('of a hundred thousand mistakes two are asked for', () => {
  let calls = 0
  function* mistakes() {
    for (let index = 0; index < 100_000; index++) {
      calls++
      yield { path: '/channels/0', message: calls === 1 ? 'Required' : 'Expected string' }
    }
  }
  expect(describeMistake(mistakes())).toBe('Expected channels.0 parameter to be a string')
  expect(calls).toBe(2)
})

test('how long a value is at least is looked at no further than the limit', () => {
  let read = 0
  const list = new Proxy(ones(100_000), {
    get(target, key) {
      if (key !== 'length' && typeof key === 'string') read++
      return Reflect.get(target, key) as unknown
    },
  })
  expect(isLonger([list], 1000)).toBe(true)
  expect(read).toBeLessThan(502)
  expect(isLonger(JSON.parse(nestArrays(20_000)), 10_240)).toBe(false) // that it is too deep is said later
})

test.each([
  ['{"a":1}', 7],
  ['[]', 2],
  ['[1,2,3]', 7],
  ['"text"', 6],
  ['{"a":[{"b":"c"},null]}', 22],
])('%s is never called longer than it is', (text, chars) => {
  expect(jsonOf(JSON.parse(text))).toHaveLength(chars)
  expect(isLonger(JSON.parse(text), chars)).toBe(false)
})

const ODD = JSON.stringify('{[:"\\'.repeat(20_000))
test.each([
  ['text', ODD, undefined],
  ['65 536 numbers', JSON.stringify(ones(65_536)), undefined],
  ['65 537 numbers', JSON.stringify(ones(65_537)), HEAVY],
  ['32 769 lists', lists(32_769), undefined],
  ['32 770 lists', lists(32_770), HEAVY],
  ['21 845 texts', texts(21_845), undefined],
  ['21 846 texts', texts(21_846), HEAVY],
  ['10 922 keys', keys(10_922), undefined],
  ['10 923 keys', keys(10_923), HEAVY],
  ['131 levels', `[${nestArrays(130)}${' '.repeat(40_000)}]`, undefined],
  ['132 levels', `[${nestArrays(131)}${' '.repeat(40_000)}]`, DEEP],
  ['levels side by side', `[${`${nestArrays(100)},`.repeat(300)}1]`, undefined],
] as const)('what is too much is told by what the text holds: %s', (_, text, told) => {
  expect(describeExcess(text)).toBe(told)
})
