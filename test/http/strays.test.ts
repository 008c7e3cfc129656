/** Requests of other programs: health checks of proxies, people with a browser. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { runInNewContext } from 'node:vm'
import { start, type TestServer } from '../harness'

let server: TestServer
beforeAll(async () => {
  server = await start({ config: { pathPrefix: '/ws', adminOrigins: ['https://dash.example'] } })
})
afterAll(() => server.stop())

/** A request as HAProxy sends it, without a Host. */
function exchange(text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  void Bun.connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: {
      open: (socket) => void socket.write(`${text}\r\n\r\n`),
      data: (socket, bytes) => {
        resolve(bytes.toString())
        socket.end()
      },
    },
  })
  return promise
}

test.each(['OPTIONS / HTTP/1.0', 'OPTIONS / HTTP/1.1\r\nHost: a', 'OPTIONS /ws HTTP/1.0'])(
  '%j is answered with what may be asked',
  async (text) => {
    const answer = await exchange(text)
    expect(answer).toStartWith('HTTP/1.1 204 ')
    expect(answer).toMatch(/\r\nallow: GET, HEAD, OPTIONS\r\n/i)
  },
)

test.each(['HEAD / HTTP/1.0', 'HEAD /up HTTP/1.0', 'GET /ws/ready HTTP/1.0'])(
  '%j is answered',
  async (text) => expect(await exchange(text)).toStartWith('HTTP/1.1 200 '),
)

type Connecting = readonly [host: string, path: string, key: string, options: object]
const BROWSERS: readonly Connecting[] = [
  ['push.example.org:6001', '/ws/app/a-key', 'a-key', { wsPort: 6001, wssPort: 6001 }],
  ['push.example.org', '/ws//app/a-key?x=/app/y', 'a-key', {}],
  ['push.example.org', "/ws/app/%22')%0A<script>", `"') <script>`, {}],
]

test.each(BROWSERS)('who opens %s%s reads how to connect', async (host, path, key, options) => {
  const [head = '', text = ''] = (
    await exchange(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/html`)
  ).split('\r\n\r\n')
  expect(head).toStartWith('HTTP/1.1 426 ')
  expect(head).toMatch(/\r\ncontent-type: text\/plain; charset=utf-8\r\n/i)
  expect(head).toMatch(/\r\nx-content-type-options: nosniff\r\n/i)
  expect(text).toStartWith('This is where Pusher clients connect')
  expect(text).toMatch(/Upgrade: websocket.*proxy_http_version 1\.1/)
  class Pusher {
    constructor(...given: unknown[]) {
      made.push(...given)
    }
  }
  const made: unknown[] = []
  const [, snippet = ''] = /^ {2}(new Pusher.*)$/m.exec(text) ?? []
  runInNewContext(snippet, { Pusher, location: { protocol: 'https:' } })
  expect(made).toEqual([
    key,
    { cluster: 'carillon', wsHost: 'push.example.org', wsPath: '/ws', forceTLS: true, ...options },
  ])
})
