/** Those who have not shown who they are: when they are closed, and what looking for them costs. Contract 5.6. */
import { describe, expect, spyOn, test } from 'bun:test'
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

  test('goes on behind those who are kept, whoever is deleted meanwhile', () => {
    const { known, conns } = queue(10)
    const seen: Connection[] = []
    for (const conn of known.overdue(14_000)) {
      seen.push(conn)
      const place = conns.indexOf(conn)
      if (place % 3 === 0) known.delete(conn)
      if (place === 4) for (const later of [5, 6]) known.delete(conns[later]!)
    }
    expect(seen.map((conn) => conns.indexOf(conn))).toEqual([0, 1, 2, 3, 4, 7, 8, 9])
    expect([...known.overdue(14_000)]).toEqual([1, 2, 4, 7, 8].map((place) => conns[place]!))
  })

  test('finds in order what has come and gone and come again', () => {
    const { known, conns } = queue(4)
    const [first, second, third, fourth] = conns
    known.delete(fourth!)
    known.delete(first!)
    known.delete(second!)
    for (const conn of [fourth, second, first, first]) known.add(conn!)
    expect([...known.overdue(14_000)]).toEqual([third!, fourth!, second!, first!])
  })
})

test('a hundred connections that come and go touch no table of the runtime but that of apps', async () => {
  await using server = await start()
  const { unauthorized } = server.core
  const app = server.core.apps.byId('1')!
  const conns = Array.from({ length: 100 }, () => ({ app }) as Connection)
  unauthorized.add(conns[0]!)
  using set = spyOn(Map.prototype, 'set')
  using add = spyOn(Set.prototype, 'add')
  for (const conn of conns) unauthorized.add(conn)
  for (const conn of conns) unauthorized.delete(conn)
  const isAbout = ([key]: readonly unknown[]): boolean =>
    key === app || conns.includes(key as never)
  expect([...set.mock.calls, ...add.mock.calls].filter(isAbout)).toEqual([])
})
