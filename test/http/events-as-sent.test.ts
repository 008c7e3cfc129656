/** What a backend writes in the place of text reaches every wire byte for byte, and PushEx's answer too. */
import { beforeAll, expect, test } from 'bun:test'
import { makeBasicAuth, PAIR } from '../credentials'
import { startCommon } from '../harness'
import {
  CHANNEL,
  joinEveryWire,
  OBJECTS,
  TRUSTING,
  VALUES,
  type SentEvent,
} from '../protocols/as-sent'

const server = startCommon({ plugins: [TRUSTING] })

let allHear: (received: SentEvent) => Promise<void>
beforeAll(async () => {
  allHear = await joinEveryWire(server())
})

const JSON_TYPE = { 'content-type': 'application/json', ...makeBasicAuth(PAIR) }
const post = (path: string, body: string): Promise<Response> =>
  server().http(path, { method: 'POST', headers: JSON_TYPE, body })
const postSigned = (path: string, body: string): Promise<Response> =>
  server().signed('POST', path, body)

const push = (data: string) =>
  post('/api/push', `{"channel":"${CHANNEL}","data":${data},"event":"e"}`)
const postScoped = (payload: string) =>
  post(
    '/api/apps/test-app/events',
    `{"scope":"private","topic":"room","event":"e","payload":${payload}}`,
  )
const inBatch = (data: string) => `{"name":"e","channel":"${CHANNEL}","data":${data}}`

type Way = {
  readonly send: (json: string) => Promise<Response>
  /** ExPusherLite takes objects only. */
  readonly takes?: readonly string[]
}

const WAYS: Readonly<Record<string, Way>> = {
  'a trigger': {
    send: (data) => postSigned('/events', `{"data":${data},"name":"e","channels":["${CHANNEL}"]}`),
  },
  'a trigger, the last of equal keys': {
    send: (data) =>
      postSigned(
        '/events',
        `{"data":[],"d\\u0061ta" : ${data} ,"name":"e","channel":"${CHANNEL}"}`,
      ),
  },
  'a trigger, its channel in the query': {
    send: (data) =>
      server().signed('POST', '/events', `{"data":${data},"name":"e"}`, `channel=${CHANNEL}`),
  },
  'a batch': { send: (data) => postSigned('/batch_events', `{"batch":[${inBatch(data)}]}`) },
  'a push': { send: push },
  'an event of ExPusherLite': { send: postScoped, takes: OBJECTS },
  'an event of ExPusherLite, as text': {
    send: (payload) => postScoped(JSON.stringify(payload)),
    takes: OBJECTS,
  },
}

test.each(Object.entries(WAYS))('%s', async (_, { send, takes = VALUES }) => {
  for (const value of takes) {
    expect((await send(value)).status).toBe(200)
    await allHear({ event: 'e', json: JSON.stringify(value), value })
  }
})

test('a batch has text, values and text of values side by side', async () => {
  const items = ['"{\\"a\\":1.0}"', '{"a":1.0}', '"x"', '[ -0 ]', '"1E2"']
  const values = ['{"a":1.0}', '{"a":1.0}', '"x"', '[ -0 ]', '1E2']
  const answer = await postSigned(
    '/batch_events',
    `{"batch": [ ${items.map(inBatch).join(' , ')} ]}`,
  )
  expect(answer.status).toBe(200)
  for (const value of values) {
    const text = value === '"x"' ? 'x' : value
    await allHear({ event: 'e', json: JSON.stringify(text), value })
  }
})

/** What was pushed, the text that Pusher's clients get, and the value that Phoenix's get. */
const PUSHES = [
  ...VALUES.map((value) => [value, value, value] as const),
  ['null', 'null', 'null'],
  ['"\\u0041"', 'A', '"A"'],
  ['"1.0"', '"1.0"', '"1.0"'],
  ['""', '', '""'],
] as const
test('a push is answered with what was pushed', async () => {
  for (const [data, text, value] of PUSHES) {
    const answer = await push(data)
    expect(await answer.text()).toBe(`{"channel":["${CHANNEL}"],"data":${data},"event":"e"}`)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    await allHear({ event: 'e', json: JSON.stringify(text), value })
  }
})

test('null in the body is absent, and the query brings a list', async () => {
  const body = `{"name":"e","data":null,"channel":"${CHANNEL}"}`
  expect((await server().signed('POST', '/events', body, 'data[]=a&data[]=b')).status).toBe(200)
  await allHear({ event: 'e', json: JSON.stringify('["a","b"]'), value: '["a","b"]' })
})

test('a cache channel keeps the text', async () => {
  for (const value of VALUES) {
    await postSigned('/events', `{"name":"e","data":${value},"channel":"cache-room"}`)
    const response = await server().signed('GET', '/channels/cache-room', '', 'info=cache')
    expect(await response.json()).toMatchObject({ cache: { data: value } })
    await using late = await server().raw()
    await late.subscribed('cache-room')
    expect(await late.next()).toBe(
      `{"event":"e","channel":"cache-room","data":${JSON.stringify(value)}}`,
    )
  }
})

const SPACE = `[${' '.repeat(10_238)}]`
const LARGE = 'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)'
const SIZED = ['a trigger', 'a batch', 'a push'] as const
test.each(SIZED)('%s is as long as it was written', async (name) => {
  const { send } = WAYS[name]!
  expect((await send(SPACE)).status).toBe(200)
  await allHear({ event: 'e', json: JSON.stringify(SPACE), value: SPACE })
  const answer = await send(SPACE.replace(' ', '  '))
  expect([answer.status, await answer.text()]).toEqual([413, expect.stringContaining(LARGE)])
})

const DEEP = `{"a":${'['.repeat(128)}${']'.repeat(128)}}`
test('what is nested too deep is refused by each of them', async () => {
  for (const { send } of Object.values(WAYS)) {
    const answer = await send(DEEP)
    const received = `${answer.status} ${await answer.text()}`
    expect(received).toMatch(/^400 .*nested too deep|^422 .*"payload":\["is invalid"\]/)
  }
})
