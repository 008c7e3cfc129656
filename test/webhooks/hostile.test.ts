/** Endpoints that answer what they should not, clocks that are set, rows that somebody else wrote. */
import { Database } from 'bun:sqlite'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  readDeliveries,
  occupy,
  passTime,
  Receiver,
  waitUntilSettled,
  startWithWebhooks,
  waitUntil,
} from './receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Answers the first request on each connection with these bytes. */
class RawEndpoint {
  readonly requests: string[] = []
  readonly #server: Server

  constructor(answer: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined) // cut off in the middle, which is what is tested
      socket.once('data', (bytes) => {
        this.requests.push(bytes.toString())
        answer(socket)
      })
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  [Symbol.dispose](): void {
    this.#server.close()
  }
}

const bytes = (text: string) => (socket: Socket) => void socket.write(text)
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'

/** Writes for as long as somebody reads. */
const flood = (head: string, text: string) => (socket: Socket) => {
  socket.write(head)
  const more = (): void => {
    while (!socket.destroyed && socket.write(text));
    socket.once('drain', more)
  }
  more()
}

type Row = {
  readonly name: string
  readonly answer: (socket: Socket) => void
  readonly status: number | null
  readonly error: string | null
}

const ROWS: readonly Row[] = [
  { name: 'no HTTP', answer: bytes('hello\r\n\r\n'), status: null, error: 'Parse Error' },
  { name: 'the end', answer: (socket) => void socket.end(), status: null, error: 'hang up' },
  {
    name: 'a reset',
    answer: (socket) => void socket.resetAndDestroy(),
    status: null,
    error: 'ECONNRESET',
  },
  {
    name: 'another protocol',
    answer: bytes(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nx',
    ),
    status: 101,
    error: 'answered 101',
  },
  {
    name: 'a redirect to where no webhook may go',
    answer: bytes(
      'HTTP/1.1 307 Go\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n',
    ),
    status: 307,
    error: 'answered 307',
  },
  {
    name: 'a status of its own',
    answer: bytes('HTTP/1.1 999 \r\ncontent-length: 0\r\n\r\n'),
    status: 999,
    error: '999',
  },
  {
    name: 'one header without end',
    answer: flood('HTTP/1.1 200 OK\r\nx: ', 'y'.repeat(65_536)),
    status: null,
    error: 'Header overflow',
  },
  {
    name: 'headers without end',
    answer: flood('HTTP/1.1 200 OK\r\n', `x: ${'y'.repeat(1000)}\r\n`),
    status: null,
    error: 'Header overflow',
  },
  {
    name: 'two lengths',
    answer: bytes('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 0\r\n\r\nhello'),
    status: null,
    error: 'Content-Length',
  },
  {
    name: 'hints first',
    answer: bytes(`HTTP/1.1 103 Hint\r\n\r\n${OK}`),
    status: 200,
    error: null,
  },
  {
    name: 'less than it said',
    answer: (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nx'),
    status: 200,
    error: null,
  },
  { name: 'two answers', answer: bytes(`${OK}HTTP/1.1 500 No\r\n\r\n`), status: 200, error: null },
]

describe('7.6 an endpoint that answers with', () => {
  test.each(ROWS)('$name', async ({ answer, status, error }) => {
    using endpoint = new RawEndpoint(answer)
    await using server = await startWithWebhooks([{ url: await endpoint.listen() }])
    occupy(server, 'room')
    await waitUntilSettled(server)
    const [attempt] = (await readDeliveries(server)).endpoints[0].attempts
    expect(attempt.status).toBe(status)
    if (error === null) expect(attempt.error).toBeNull()
    else expect(attempt.error).toContain(error)
    expect(endpoint.requests.length).toBe(1)
  })

  test('nothing but hints is given up like silence', async () => {
    using endpoint = new RawEndpoint(bytes('HTTP/1.1 103 Hint\r\n\r\n'.repeat(1000)))
    await using server = await startWithWebhooks([{ url: await endpoint.listen() }])
    occupy(server, 'room')
    await waitUntil('it was asked', () => endpoint.requests.length === 1)
    server.advance(5000)
    await waitUntilSettled(server)
    const [attempt] = (await readDeliveries(server)).endpoints[0].attempts
    expect(attempt).toMatchObject({ status: null, error: 'no answer within 5000 ms' })
  })
})

test('name and password of a URL are sent as such, headers of ours are not replaced', async () => {
  using endpoint = new RawEndpoint(bytes(OK))
  const url = (await endpoint.listen()).replace('//', '//user:p%40ss@')
  const headers = { Host: 'evil.test', 'Content-Length': '1', 'x-pusher-signature': 'mine' }
  await using server = await startWithWebhooks([{ url, headers }])
  occupy(server, 'room')
  await waitUntilSettled(server)
  const [request = ''] = endpoint.requests
  expect(request).toContain(`authorization: Basic ${btoa('user:p@ss')}`.replace('a', 'A'))
  expect(request).not.toMatch(/evil\.test|mine/)
  expect(request.match(/content-length/gi)).toHaveLength(1)
  const report = await readDeliveries(server)
  expect(report.endpoints[0].endpoint).toBe(url.replace('user:p%40ss', '***'))
  expect(JSON.stringify([report, server.log.lines])).not.toContain('p%40ss')
})

const HOUR_MS = 3_600_000

describe('a clock that is set back by an hour', () => {
  test('delays no event that was refused before', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    await using server = await startWithWebhooks([{ url: receiver.url }])
    occupy(server, 'room')
    await passTime(server, 60_000)
    expect((await readDeliveries(server)).endpoints[0].state).toBe('probed')
    server.clock.set(-HOUR_MS)
    receiver.answer = () => 200
    await passTime(server, 90_000)
    expect(await readDeliveries(server)).toMatchObject({ pending: 0, dead: 0 })
  })

  test('and by an hour ahead gives nothing up that was not tried', async () => {
    await using receiver = new Receiver()
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookFlushMs: 50 },
    })
    occupy(server, 'room')
    server.clock.set(HOUR_MS)
    server.advance(50)
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied room'])
  })
})

test('a row that somebody else has written to hides nothing and holds up nobody', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  const config = { databasePath: join(folder, 'foreign.sqlite') }
  await using server = await startWithWebhooks([{ url: receiver.url }], { config })
  occupy(server, 'a')
  await waitUntilSettled(server)
  await receiver.next(server.sdk())
  {
    using other = new Database(config.databasePath)
    other.run(`UPDATE webhook_outbox SET event = '{"name":', dead_at = 1`)
  }
  receiver.answer = () => 200
  occupy(server, 'b')
  await passTime(server, 10_000)
  expect(await receiver.events(server.sdk())).toEqual(['channel_occupied b'])
  const report = await readDeliveries(server)
  expect(report.dead_letters).toMatchObject([{ event: { unreadable: '{"name":' } }])
})
