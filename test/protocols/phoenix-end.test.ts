/**
 * How a Phoenix socket ends: with the server, or because its client is silent;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { connectPhoenix } from '../phoenix'

describe('the end', () => {
  test('a leaving server closes with 1012 (32)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    await client.expectNothing()
    const leaving = server.leave()
    expect((await client.client.closing()).code).toBe(1012)
    await leaving
  })

  describe.each(['/socket', '/push_socket'])('on %s', (mount) => {
    test('who sends no frame for a minute is closed with 1001, whatever pings it sends (30, trap 13)', async () => {
      await using server = await start()
      await using idle = await connectPhoenix(server, { mount })
      await using active = await connectPhoenix(server, { mount })
      for (let second = 0; second < 70; second += 5) {
        server.advance(5000)
        await idle.client.heard() // a native ping and its pong
        if (second % 30 === 0) await active.expectNothing()
      }
      expect((await idle.client.closing()).code).toBe(1001)
      await active.expectNothing()
      expect(server.totals.silentClosed).toBe(1)
    })
  })

  test('how long is a setting, and nothing is sent meanwhile (30)', async () => {
    await using server = await start({ config: { heartbeatTimeoutSeconds: 4 } })
    await using client = await connectPhoenix(server)
    server.advance(3000)
    await client.expectNothing()
    server.advance(10_000)
    expect((await client.client.closing()).code).toBe(1001)
    expect(client.client.frames.unread).toEqual([])
  })

  test('sessions of long-poll are no sockets: their polls are what counts (30)', async () => {
    await using server = await start({ config: { heartbeatTimeoutSeconds: 1 } })
    await server.http('/socket/longpoll?vsn=2.0.0')
    server.advance(10_000)
    expect(server.core.hub.connectionCount).toBe(1)
  })
})
