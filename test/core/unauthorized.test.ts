/** Those who have not shown who they are: when they are closed, and what looking for them costs. Contract 5.6. */
import { describe, expect, test } from 'bun:test'
import type { App } from '../../src/core/app'
import type { Connection } from '../../src/core/connection'
import { Unauthorized } from '../../src/core/unauthorized'
import { start } from '../harness'
import { startRationed } from './rationed'

const FIVE_SECONDS = { limits: { authorizeWithinSeconds: 5 } }
const LATE = { code: 4009, reason: 'Connection not authorized within timeout' }

describe('five seconds to show who they are', () => {
  test.each([0, 1, 100, 249])('end within 5.25 s, for who came %d ms after a look', async (ms) => {
    await using server = await start(FIVE_SECONDS)
    server.advance(1000 + ms)
    await using client = await server.raw()
    server.advance(4999)
    await client.expectNothing()
    server.advance(251)
    expect(await client.closing()).toEqual(LATE)
    expect(server.totals.unauthorizedClosed).toBe(1)
  })

  test('are everybody’s own, and over with a signature or a user', async () => {
    await using server = await start(FIVE_SECONDS)
    await using first = await server.raw()
    await using signed = await server.raw()
    await using user = await server.raw()
    server.advance(3000)
    await using second = await server.raw()
    await server.signedIn(signed, 'private-room')
    server.signin(user, '{"id":"ada"}')
    await user.next('the sign-in')
    server.advance(2250)
    expect(await first.closing()).toEqual(LATE)
    await second.expectNothing()
    server.advance(2750)
    expect(await second.closing()).toEqual(LATE)
    for (const client of [signed, user]) await client.expectNothing()
  })

  test('of an app that wants them later, for who is there already', async () => {
    await using server = await start()
    await using client = await server.raw()
    server.advance(20_000)
    await client.expectNothing()
    const app = server.core.apps.byId('1')!
    const limits = { ...app.record.limits, authorizeWithinSeconds: 5 }
    server.core.apps.change(app, { ...app.record, limits }, server.clock.now())
    server.advance(250)
    expect(await client.closing()).toEqual(LATE)
  })

  test('of a crowd end in several turns of the event loop', async () => {
    await using ration = await startRationed(FIVE_SECONDS)
    const { server } = ration
    const crowd = await Promise.all(Array.from({ length: 100 }, () => server.raw()))
    const before = server.core.slices.turns
    server.advance(4999)
    ration.slow()
    server.advance(251)
    for (const client of crowd) expect(await client.closing()).toEqual(LATE)
    expect(server.core.slices.turns - before).toBeGreaterThan(1)
    expect(server.totals.unauthorizedClosed).toBe(100)
  })
})

describe('a look', () => {
  /** Connections that arrived a millisecond after each other; how often their times were read. */
  function queue(count: number) {
    const app = { limits: { authorizeWithinSeconds: 5 } } as App
    const known = new Unauthorized()
    const calls = { times: 0 }
    const conns = Array.from({ length: count }, (_, ms) => {
      const received = {
        app,
        authorized: false,
        get establishedAt() {
          calls.times++
          return ms
        },
      }
      return received as unknown as Connection
    })
    for (const conn of conns) known.add(conn)
    return { known, conns, asked: calls }
  }

  test('costs as much as there are late ones, and one more', () => {
    const { known, conns, asked } = queue(10_000)
    expect([...known.overdue(5004)]).toEqual(conns.slice(0, 5))
    expect(asked.times).toBe(6)
  })

  test('passes nobody who has shown who they are, or has gone', () => {
    const { known, conns, asked } = queue(10_000)
    for (const [n, conn] of conns.entries()) {
      if (n < 4000) known.authorize(conn)
      else if (n < 9000) known.delete(conn)
    }
    expect([...known.overdue(14_000)]).toEqual(conns.slice(9000, 9001))
    expect(asked.times).toBe(2)
    for (const conn of conns) known.delete(conn)
    expect([...known.overdue(Infinity)]).toEqual([])
  })
})
