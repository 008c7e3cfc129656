/** A long body is read as a short one is, and no more of it than a trigger has. */
import { afterAll, beforeAll, expect, spyOn, test } from 'bun:test'
import { start, type TestServer } from '../harness'

let server: TestServer
beforeAll(async () => {
  server = await start()
})
afterAll(() => server.stop())

async function post(path: string, body: string) {
  const response = await server.signed('POST', path, body)
  return [response.status, await response.text()]
}

/** More than is parsed whole. */
const SPACE = ' '.repeat(40_000)

const EVENT = '"name":"e","channel":"room"'
const BODIES: readonly (readonly [path: string, body: string])[] = [
  ['/events', `{${EVENT},"data":"x","info":"subscription_count"}`],
  [
    '/events',
    `{"name":"e","channels":["a","b"],"data":{"a":[1.0,{}]},"info":"subscription_count"}`,
  ],
  ['/events', `{${EVENT},"data":"x","data":{},"name":"f","other":{"name":7}}`],
  ['/events', `{"na\\u006de":"e","channel":"room","data":"\\ud800"}`],
  ['/events', `{${EVENT},"data":null}`],
  ['/events', `{${EVENT},"data":[],"info":null,"channels":null,"socket_id":null}`],
  ['/events', `{${EVENT},"data":"x","channels":["room",1]}`],
  ['/events', `{${EVENT},"data":"x","channels":{}}`],
  ['/events', `{"name":{},"channel":"room","data":"x"}`],
  ['/events', `{"name":["e"],"channel":"room","data":"x"}`],
  ['/events', `{"channel":"room","data":"x","__proto__":{"name":"e"}}`],
  ['/events', `{${EVENT},"data":"x",}`],
  ['/events', `{${EVENT},"data":"x"`],
  ['/events', '[]'],
  ['/events', '"text"'],
  [
    '/batch_events',
    `{"batch":[{${EVENT},"data":"x","info":"subscription_count"},{${EVENT},"data":[1]}]}`,
  ],
  ['/batch_events', `{"batch":[{${EVENT},"data":"x"},{${EVENT}}]}`],
  ['/batch_events', `{"batch":[{${EVENT},"data":"x","info":null},null]}`],
  ['/batch_events', '{"batch":{}}'],
  ['/batch_events', '{"batch":[]}'],
  ['/batch_events', `{"batch":[${Array(11).fill('1').join()}]}`],
  ['/batch_events', '{"batch":null}'],
]

test.each(BODIES)('%s %s', async (path, body) => {
  const short = await post(path, body)
  expect(await post(path, body + SPACE)).toEqual(short)
  expect(await post(path, SPACE + body)).toEqual(short)
})

const keys = (count: number): string =>
  Array.from({ length: count }, (_, index) => `"key${index}":1`).join()

test.each([
  ['/events', `{${EVENT},"data":"x",${keys(30_000)}}`, 200],
  ['/events', `{${EVENT},"data":{${keys(30_000)}}}`, 413],
  ['/batch_events', `{"batch":[{${EVENT},"data":"x",${keys(30_000)}}]}`, 200],
  ['/batch_events', `{"batch":[{${EVENT},"data":{${keys(30_000)}}}]}`, 413],
] as const)('30 000 keys in %s are passed over %#', async (path, body, status) => {
  using parse = spyOn(JSON, 'parse')
  expect((await post(path, body))[0]).toBe(status)
  const parsed = parse.mock.calls.map(([text]) => text).filter((text) => text.includes('"key7":1'))
  const longest = Math.max(0, ...parsed.map(({ length }) => length))
  expect(longest).toBeLessThan(100)
})
