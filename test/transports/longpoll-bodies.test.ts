/**
 * Phoenix’s long-poll: what is sent by it, also while a plugin still thinks about what came before;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, spyOn, test } from 'bun:test'
import { rateLimit } from '../../plugins/rate-limit'
import { Inbox, makePlugin, start } from '../harness'
import { request, JOIN, openSession, PATH, REPLY, countSessions } from './longpoll-client'

test('205 lines in one request are all answered (36)', async () => {
  await using server = await start({ limits: { maxTopicsPerConnection: 1000 } })
  const session = await openSession(server)
  const lines = Array.from({ length: 205 }, (_, n) => `["${n}","${n}","room:${n}","phx_join",{}]`)
  expect(await session.send(lines.join('\r\n') + '\n')).toEqual({ status: 200 } as never)
  expect((await session.poll()).messages).toHaveLength(205)
})

describe('a body', () => {
  test.each(['application/json', '', 'text/plain'])('of %p is one message (37)', async (type) => {
    await using server = await start()
    const session = await openSession(server)
    await session.send(JOIN, type)
    expect((await session.poll()).messages).toEqual([REPLY])
  })

  const BAD: readonly (readonly [string, string])[] = [
    ['of broken base64', 'AAECBgM'],
    ['of a line that is neither', '["1","1","room","phx_join",{}]\n{"a":1}'],
    ['that is no UTF-8', Buffer.from([0x5b, 0xff, 0x5d]) as unknown as string],
    ['of too many lines', '[]\n'.repeat(1001)],
    ['of base64 with space in it', 'AAEC BgM'],
    ['of base64 without padding', 'AAECBgM'],
    ['that is longer than 1 MB', ' '.repeat(1024 * 1024 + 1)],
  ]
  test.each(BAD)('%s is 400 (36, 40)', async (_, body) => {
    await using server = await start()
    const { token } = await openSession(server)
    const headers = { 'content-type': 'application/x-ndjson' }
    const response = await server.http(`${PATH}&token=${token}`, { method: 'POST', body, headers })
    expect(response.status).toBe(400)
  })

  test('of which one line is broken is not taken at all (40)', async () => {
    await using server = await start()
    const { token, poll } = await openSession(server)
    const headers = { 'content-type': 'application/x-ndjson' }
    const body = `${JOIN}\n*`
    await server.http(`${PATH}&token=${token}`, { method: 'POST', body, headers })
    await request(
      server,
      { method: 'POST', body: '[null,"9","phoenix","heartbeat",{}]' },
      `&token=${token}`,
    )
    expect((await poll()).messages.map((text) => JSON.parse(text)[1])).toEqual(['9'])
  })

  test('that is no UTF-8 is refused, not repaired', async () => {
    await using server = await start()
    const { token, poll, send: say } = await openSession(server)
    const body = Buffer.from('["1","1","ro\xffom","phx_join",{}]', 'latin1')
    const response = await server.http(`${PATH}&token=${token}`, { method: 'POST', body })
    expect(response.status).toBe(400)
    await say(JOIN)
    expect((await poll()).messages).toEqual([REPLY])
  })

  test('of almost a megabyte is read as one over WebSockets would be', async () => {
    await using server = await start()
    const { token } = await openSession(server)
    const answer = await request(
      server,
      { method: 'POST', body: ' '.repeat(1000 * 1024) },
      `&token=${token}`,
    )
    expect(answer).toEqual({ status: 410 } as never)
    expect(server.totals.messagesRefused).toBe(1)
  })

  test('that is undecodable ends the session', async () => {
    await using server = await start()
    const session = await openSession(server)
    expect(await session.send('["1"]')).toEqual({ status: 410 } as never)
    expect(countSessions(server)).toBe(0)
  })
})

describe('every line is charged as a message', () => {
  const ROWS: readonly (readonly [what: string, body: string, status: number, lines: number])[] = [
    ['that is empty', '\n'.repeat(600), 200, 600],
    ['of which there are a thousand', `${JOIN}\n${'\r\n'.repeat(999)}`, 200, 1000],
    ['of too many', '\n'.repeat(1024 * 1024), 400, 1000],
    ['beside one that is broken', `${JOIN}\n\n*\n`, 400, 3],
    ['of a letter a million times', 'a'.repeat(1024 * 1024 - 1), 400, 1],
    ['that is too long', 'a'.repeat(1024 * 1024 + 1), 400, 1],
  ]
  test.each(ROWS)('%s', async (_, body, status, lines) => {
    let heard = 0
    const meter = makePlugin('meter', { frame: () => void heard++ })
    await using server = await start({ plugins: [meter] })
    const { token } = await openSession(server)
    const headers = { 'content-type': 'application/x-ndjson' }
    using split = spyOn(String.prototype, 'split')
    const response = await server.http(`${PATH}&token=${token}`, { method: 'POST', body, headers })
    const pieces = split.mock.results.map(({ value }) => (value as string[]).length)
    expect([response.status, heard]).toEqual([status, lines])
    expect(Math.max(0, ...pieces)).toBeLessThanOrEqual(1001)
    if (status === 400) expect((await response.json()).reason).toMatch(/limit of|Line \d/)
  })

  test('and the rate limit refuses them as such', async () => {
    const limit = rateLimit({ frames: { perSecond: 1, burst: 10 } })
    await using server = await start({ plugins: [limit] })
    const session = await openSession(server)
    await session.send('\n'.repeat(10))
    await session.send(JOIN)
    expect((await session.poll()).messages[0]).toContain('"status":"error"')
  })
})

describe('while a plugin thinks', () => {
  /** A session whose join was sent; it waits until it is let in. */
  async function startJoining() {
    const { promise, resolve: letIn } = Promise.withResolvers<void>()
    const calls = new Inbox<string>()
    const door = makePlugin('door', {
      subscribe: async (_, { channel }) => {
        calls.push(channel)
        await promise
      },
    })
    const server = await start({ config: { gateTimeoutMs: 60_000 }, plugins: [door] })
    const session = await openSession(server)
    const sending = session.send(JOIN)
    await calls.next()
    return { server, session, sending, letIn, [Symbol.asyncDispose]: () => server.stop() }
  }

  test('what is sent is answered when it was dispatched', async () => {
    await using joined = await startJoining()
    const { session, sending, letIn } = joined
    const later = session.send('[null,"2","phoenix","heartbeat",{}]')
    letIn()
    expect(await Promise.all([sending, later])).toEqual([{ status: 200 }, { status: 200 }] as never)
    const refs = (await session.poll()).messages.map((text) => JSON.parse(text)[1])
    expect(refs).toEqual(['1', '2'])
  })

  test('longer than the window, it is answered with 408, and dispatched all the same (40)', async () => {
    await using joined = await startJoining()
    const { server, session, sending, letIn } = joined
    server.advance(10_000)
    expect(await sending).toEqual({ status: 408 } as never)
    letIn()
    expect((await session.poll()).messages).toEqual([REPLY])
  })

  test('and the session ends, it is answered with 410', async () => {
    await using joined = await startJoining()
    const { server, sending, letIn } = joined
    for (const conn of server.core.hub.connections()) conn.sink.close(1012, 'over')
    letIn()
    expect(await sending).toEqual({ status: 410 } as never)
    expect(server.core.hub.connectionCount).toBe(0)
  })
})
