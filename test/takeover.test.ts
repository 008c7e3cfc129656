/** A server whose place is taken: the test is the process that takes it, and says what `takeover/door.ts` expects. */
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:net'
import { ADMIN_PAIR, makeBasicAuth } from './credentials'
import { XhrClient } from './transports/xhr-client'
import { definePlugin } from '../src/plugin'
import { Inbox, RawClient, start, waitFor, waitUntil } from './harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Message = { readonly type: string; readonly [field: string]: unknown }

/** The other process: its door, in place of the old one, and the link to that. */
class Heir {
  readonly messages = new Inbox<Message>()
  /** Requests that were passed on. */
  readonly passed: { line: string; headers: Headers; body: string }[] = []
  readonly #socket: WebSocket
  #server: Bun.Server<undefined> | undefined

  constructor(readonly door: string) {
    this.#socket = new WebSocket(`ws+unix://${door}:/`)
    this.#socket.addEventListener('message', ({ data }) =>
      this.messages.push(JSON.parse(String(data))),
    )
  }

  async ask(): Promise<Message> {
    await this.begin()
    return this.messages.next('an answer')
  }

  async begin(): Promise<void> {
    const opened = new Promise((resolve) => this.#socket.addEventListener('open', resolve))
    await waitFor('the door', opened)
    this.send({ type: 'ask', protocol: 1, version: '0', pid: 0 })
  }

  send(message: Message): void {
    this.#socket.send(JSON.stringify(message))
  }

  listen(): void {
    const unix = `${this.door}-heir`
    this.#server = Bun.serve({ unix, fetch: (request) => this.#take(request) })
    renameSync(unix, this.door)
  }

  async #take(request: Request): Promise<Response> {
    const { method, url, headers } = request
    const line = `${method} ${url.slice(url.indexOf('/', 8))}`
    this.passed.push({ line, headers, body: await request.text() })
    return Response.json({ by: 'heir' }, { status: 200, headers: { 'x-heir': 'yes' } })
  }

  async next(type: string): Promise<Message> {
    for (;;) {
      const message = await this.messages.next(type)
      if (message.type === type) return message
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
    await this.#server?.stop(true)
  }
}

test('requests wait and are passed on as they came; events and webhooks pass over; sockets are closed', async () => {
  const databasePath = join(folder, 'old.sqlite')
  const webhooks = [{ url: 'http://127.0.0.1:9/hook', event_types: ['client_event'] }]
  await using server = await start({ config: { databasePath, webhooks, drainSeconds: 60 } })
  const enter = async (): Promise<RawClient> => {
    const client = new RawClient(`ws://127.0.0.1:${server.port}/app/${server.app.key}?protocol=7`)
    await client.hello()
    const { auth } = server.sdk().authorizeChannel(client.socketId, 'private-room')
    await client.subscribed('private-room', auth)
    return client
  }
  const [talker, listener] = [await enter(), await enter()]
  const sdk = server.sdk()
  await sdk.trigger('cache-last', 'e', { n: 0 }, { idempotency_key: 'once' } as never)
  await using heir = new Heir(`${databasePath}.takeover`)
  expect(await heir.ask()).toEqual({ type: 'yours', drainMs: 60_000, spots: [expect.any(Number)] })
  const { kept } = await heir.next('kept')
  expect(kept).toMatchObject([
    { cached: { channel: 'cache-last', event: 'e', data: '"{\\"n\\":0}"' }, leftMs: 1_800_000 },
    { app: '1', key: 'once', answer: '', leftMs: 600_000 },
  ])

  // Nothing is answered until the other process is ready.
  const url = `http://127.0.0.1:${server.port}/apps//1/channels?x=%2F`
  const sent = { method: 'PUT', headers: { 'x-own': 'a', accept: 'x/y' }, body: '{ "a":1 }' }
  const held = fetch(url, sent)
  heir.listen()
  heir.send({ type: 'ready', isSteered: false })
  expect(await heir.next('go')).toEqual({ type: 'go' })
  heir.send({ type: 'begun' })
  const answer = await waitFor('the answer', held)
  expect([answer.status, answer.headers.get('x-heir'), await answer.json()]).toEqual([
    200,
    'yes',
    { by: 'heir' },
  ])
  expect(answer.headers.get('connection')).toBe('close')
  const [{ line, headers, body }] = heir.passed as [(typeof heir.passed)[number]]
  expect([line, body, headers.get('x-own'), headers.get('accept')]).toEqual([
    'PUT /apps//1/channels?x=%2F',
    '{ "a":1 }',
    'a',
    'x/y',
  ])
  expect(headers.get('carillon-passed-on')).toMatch(/^public \d+ 127\.0\.0\.1 accept/)
  expect(headers.get('host')).toBe(`127.0.0.1:${server.port}`)

  // What the other one publishes is heard here, and the other way round.
  const event = { app: '1', channel: 'private-room', except: null, sender: null, position: null }
  heir.send({ type: 'event', ...event, event: 'e', data: '"x"', kind: 'backend' })
  for (const client of [talker, listener])
    expect(JSON.parse(await client.next())).toMatchObject({ event: 'e', data: 'x' })
  talker.send({ event: 'client-a', channel: 'private-room', data: { n: 1 } })
  expect(JSON.parse(await listener.next())).toMatchObject({ event: 'client-a' })
  expect(await heir.next('event')).toMatchObject({
    ...event,
    event: 'client-a',
    data: '{"n":1}',
    kind: 'client',
    except: talker.socketId,
  })
  server.advance(1000) // the time in which webhooks are collected
  const { entries } = await heir.next('entries')
  expect(entries).toMatchObject([{ type: 'event', appId: '1', channel: 'private-room' }])

  // Nobody joins a channel here any more.
  talker.subscribe('other')
  expect(await talker.closed).toMatchObject({ code: 4200 })
  const newcomer = new RawClient(`ws://127.0.0.1:${server.port}/app/${server.app.key}?protocol=7`)
  expect(await newcomer.closed).toMatchObject({ code: 4200 })

  // By a connection that a proxy has kept: polls are to come again by another one, messages are passed on.
  const post = (path: string, body?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', ...(body && { body }) })
  const session = `/pusher/app/${server.app.key}/1/abcdefgh`
  const poll = await post(`${session}/xhr?protocol=7`)
  expect([await poll.text(), poll.headers.get('connection')]).toEqual(['a[]\n', 'close'])
  const stream = await post(`${session.replace('/1/', '/2/')}/xhr_streaming?protocol=7`)
  expect(await stream.text()).toContain('c[4200,')
  expect(await (await post(`${session}/xhr_send`, '["{}"]')).json()).toEqual({ by: 'heir' })
  const longPoll = `/socket/longpoll?app_key=${server.app.key}&vsn=2.0.0`
  const own = await fetch(`http://127.0.0.1:${server.port}${longPoll}&token=of-the-heir`)
  expect(await own.json()).toEqual({ status: 204, token: 'of-the-heir', messages: [] })
  expect(await (await post(`${longPoll}&token=of-the-heir`, '[]')).json()).toEqual({ by: 'heir' })
  expect(await (await fetch(`http://127.0.0.1:${server.port}${longPoll}`)).json()).toEqual({ by: 'heir' }) // prettier-ignore

  const left = server.server.leave()
  expect(await listener.closed).toMatchObject({ code: 4200 })
  // The system would give it new connections, too.
  const port = server.port
  await expect(fetch(`http://127.0.0.1:${port}/up`, { keepalive: false })).rejects.toThrow()
  server.advance(1000) // the time in which goodbyes arrive
  expect(await heir.next('drained')).toEqual({ type: 'drained', resets: 0 })
  await left
})

const SLOW = `host: 127.0.0.1\r\nauthorization: ${makeBasicAuth(ADMIN_PAIR).authorization}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`

test('a request that takes too long keeps the place, and so does an heir that goes before', async () => {
  const databasePath = join(folder, 'slow.sqlite')
  await using server = await start({ config: { databasePath } })
  const slow = connect(server.port, '127.0.0.1')
  const { state, uploads } = server.core
  // That of a session holds nobody up: anybody may send one.
  const anonymous = connect(server.port, '127.0.0.1')
  const session = await new XhrClient(server).open()
  anonymous.write(`POST ${session.base}/xhr_send HTTP/1.1\r\n${SLOW}`)
  slow.write(`PATCH /api/admin/apps/test-app HTTP/1.1\r\n${SLOW}`)
  await waitUntil('bodies are on their way', () => uploads.count === 2)
  {
    await using heir = new Heir(`${databasePath}.takeover`)
    let answer: Message | undefined
    void heir.ask().then((given) => (answer = given))
    await waitUntil('an answer', () => {
      server.advance(100)
      return answer !== undefined
    })
    const reason = 'requests that are under way take too long (1)'
    expect(answer).toEqual({ type: 'refused', reason })
  }
  {
    await using heir = new Heir(`${databasePath}.takeover`)
    await heir.begin()
    await heir[Symbol.asyncDispose]()
    await waitUntil('it is gone', () => {
      server.advance(2)
      return state.takeoverFailure === 'the new process has ended'
    })
  }
  slow.destroy()
  anonymous.destroy()
  expect(state.takeoverFailure).toBe('the new process has ended')
  expect((await server.http('/ready')).status).toBe(200)
})

test('who is not told so leaves the door to the others', async () => {
  await using memory = await start()
  expect(memory.core.state.hasMoved).toBe(false)
  const databasePath = join(folder, 'closed.sqlite')
  {
    await using server = await start({ config: { databasePath } })
    await using first = new Heir(`${databasePath}.takeover`)
    expect(await first.ask()).toMatchObject({ type: 'yours' })
    await using second = new Heir(`${databasePath}.takeover`)
    expect(await second.ask()).toEqual({ type: 'refused', reason: 'another takeover is under way' })
    await first[Symbol.asyncDispose]()
    const answer = await server.http('/ready')
    expect(answer.status).toBe(200)
    expect(server.totals.takeoversFailed).toBe(1)
  }
  expect(existsSync(`${databasePath}.takeover`)).toBe(false)
})

test('what a request stores that was under way before is stored', async () => {
  const [asked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const keeper = definePlugin({
    name: 'keeper',
    carillon: 1,
    setup({ routes, store }) {
      routes.post('/keep', async () => {
        asked.resolve()
        await goOn.promise
        store.set('kept', 1)
        return { kept: store.get('kept') }
      })
      return {}
    },
  })
  const databasePath = join(folder, 'under-way.sqlite')
  await using server = await start({ config: { databasePath }, plugins: [keeper] })
  const url = `http://127.0.0.1:${server.port}/plugins/keeper/keep`
  const answer = fetch(url, { method: 'POST' })
  await asked.promise
  await using heir = new Heir(`${databasePath}.takeover`)
  await heir.begin()
  // It has been heard by then.
  const unix = `${databasePath}.takeover`
  for (const _ of [1, 2]) expect((await fetch('http://localhost/', { unix })).status).toBe(400)
  goOn.resolve()
  expect(await (await answer).json()).toEqual({ kept: 1 })
})

test('a database that cannot be taken back at first is taken back later', async () => {
  const databasePath = join(folder, 'away.sqlite')
  await using server = await start({ config: { databasePath } })
  const { state } = server.core
  {
    await using heir = new Heir(`${databasePath}.takeover`)
    expect(await heir.ask()).toMatchObject({ type: 'yours' })
    renameSync(databasePath, `${databasePath}.away`)
    mkdirSync(databasePath)
  }
  await waitUntil('it has tried', () => {
    server.advance(20)
    return server.log.lines.some(({ message }) => message === 'the database cannot be taken back')
  })
  rmdirSync(databasePath)
  renameSync(`${databasePath}.away`, databasePath)
  await waitUntil('it serves again', () => {
    server.advance(20)
    return !state.draining
  })
  expect((await fetch(`http://127.0.0.1:${server.port}/up`)).status).toBe(200)
})
