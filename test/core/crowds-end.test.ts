/** What ends or is looked at in crowds: sliced by time, and never those of another app. */
import { describe, expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { SLICE_MS } from '../../src/core/slices'
import { definePlugin, type ConnectionView } from '../../src/plugin'
import { requestAdmin, change } from '../http/admin-requests'
import { start, type RawClient, type TestServer } from '../harness'
import { connectPhoenix } from '../phoenix'
import { makePath, tokenOf } from '../plugins/tokens'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Each reading of this meter is a millisecond later, so that a slice is so many steps. */
function slow() {
  let ms = 0
  return () => ms++
}

const crowd = (server: TestServer, count: number, path?: string): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, () => server.raw(path === undefined ? {} : { path })))

/** The connections that end in each turn until `left` are there. */
async function endings({ core }: TestServer, left: number): Promise<number[]> {
  const counts: number[] = []
  for (let before = core.hub.connectionCount; before > left;) {
    await turn()
    const after = core.hub.connectionCount
    if (after < before) counts.push(before - after)
    before = after
  }
  return counts
}

describe('the end of an app', () => {
  test('is told to a slice of its connections per turn, and to nobody else', async () => {
    await using server = await start({ meter: slow() })
    const app = server.addTenant()
    const [others, own] = [await crowd(server, 5), await crowd(server, 40, '/app/k')]
    const dismissing = requestAdmin(server, 'DELETE', `/${app.record.slug}`)
    const counts = await endings(server, 5)
    expect((await dismissing).status).toBe(204)
    expect(counts.reduce((sum, count) => sum + count)).toBe(40)
    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * SLICE_MS)
    for (const client of own) expect((await client.closing()).code).toBe(4001)
    for (const client of others) await client.expectNothing()
  })

  test('of a user, too', async () => {
    await using server = await start({ meter: slow() })
    const clients = await crowd(server, 30)
    for (const client of clients) {
      server.signin(client, '{"id":"ada"}')
      await client.nextJson()
    }
    void server.signed('POST', '/users/ada/terminate_connections', '{}')
    const counts = await endings(server, 0)
    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * SLICE_MS)
    for (const client of clients) expect((await client.closing()).code).toBe(4009)
  })
})

describe('what a plugin does to many', () => {
  test('is done to a slice of them per turn, a fault passed over', async () => {
    let ends: ((all: readonly ConnectionView[]) => void) | undefined
    const conns: ConnectionView[] = []
    const ending = definePlugin({
      name: 'ending',
      carillon: 1,
      setup: ({ inSlices }) => {
        ends = (all) =>
          inSlices(all, (conn) => {
            conn.disconnect('over')
            if (conn === all[3]) throw new Error('of the plugin')
          })
        return { connected: (conn) => void conns.push(conn) }
      },
    })
    await using server = await start({ meter: slow(), plugins: [ending] })
    const clients = await crowd(server, 30)
    ends!(conns)
    const counts = await endings(server, 0)
    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * SLICE_MS)
    for (const client of clients) expect((await client.closing()).code).toBe(4009)
    expect(server.core.counters.faults).toBe(0)
    expect(server.log.lines.map(({ message }) => message)).toContain('plugin failed')
  })

  test.each(['expire in the same second', 'are revoked together'])(
    'as of tokens that %s',
    async (how) => {
      await using server = await start({ meter: slow(), plugins: [guardian()] })
      const token = tokenOf(server, { sub: 'ada' })
      await crowd(server, 30, makePath(server, { token }))
      if (how.startsWith('expire')) server.advance(24 * 60 * 60_000)
      else
        void server.admin('/plugins/guardian/revocations', {
          method: 'POST',
          body: JSON.stringify({ app: '1', user: 'ada' }),
        })
      const counts = await endings(server, 0)
      expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(20)
      expect(Math.max(...counts)).toBeLessThanOrEqual(2 * SLICE_MS)
    },
  )
})

describe('scopes of an app that has another name', () => {
  test('are found without a look at connections and channels of others', async () => {
    await using server = await start()
    const { hub, apps } = server.core
    const app = server.addTenant()
    const others = await crowd(server, 3)
    for (const client of others) await client.subscribed('room')
    const walked: string[] = []
    for (const conn of hub.connections()) {
      const { subscriptions } = conn
      const get = () => (walked.push(conn.id), subscriptions)
      Object.defineProperty(conn, 'subscriptions', { get })
    }
    const phoenix = await connectPhoenix(server, {})
    await phoenix.join(`public:${app.record.slug}`)
    const changed = await change(server, app.record.slug, { name: 'renamed' })
    expect([changed.status, apps.bySlug('renamed')]).toEqual([200, app])
    expect(JSON.stringify(await phoenix.client.nextJson())).toContain('phx_close')
    expect(server.core.groups.subscriptionsIn(app)).toEqual([])
    expect(walked).toEqual([])
  })
})

describe('a sweep', () => {
  const timing = { activityTimeoutSeconds: 20, pongTimeoutSeconds: 5 }

  test('goes on where it was in the next turns, and sees everybody once', async () => {
    await using server = await start({ meter: slow(), config: timing })
    const clients = await crowd(server, 200)
    const sweeps = async (count: number): Promise<void> => {
      for (let sweep = 0; sweep < count; sweep++) {
        server.advance(server.core.timing.sweepIntervalMs)
        while (!server.core.slices.isIdle) await turn()
      }
    }
    await sweeps(17)
    for (const client of clients) expect(await client.next()).toContain('pusher:ping')
    for (const client of clients) await client.expectNothing() // its pong is an answer
    expect(server.core.slices.turns).toBeGreaterThan(17)
    await sweeps(4)
    for (const client of clients) await client.expectNothing()
  })

  test('looks at no more than a slice of them per turn', async () => {
    await using server = await start({ meter: slow() })
    await crowd(server, 200)
    let looks = 0
    for (const conn of server.core.hub.connections())
      Object.defineProperty(conn, 'pings', {
        set: () => {
          looks++
        },
      })
    server.advance(server.core.timing.sweepIntervalMs)
    const counts: number[] = []
    for (let before = 0; before < 200; before = looks) {
      if (looks > before) counts.push(looks - before)
      before = looks
      await turn()
    }
    expect(looks).toBe(200)
    expect(Math.max(...counts, 0)).toBeLessThanOrEqual(2 * SLICE_MS * 16)
    expect(server.core.slices.turns).toBeGreaterThan(2)
  })

  test('passes over who goes meanwhile, and the next tick begins no second pass beside it', async () => {
    await using server = await start({ meter: slow() })
    const clients = await crowd(server, 200)
    const looked = new Map<string, number>()
    for (const { id } of server.core.hub.connections()) looked.set(id, 0)
    for (const conn of server.core.hub.connections())
      Object.defineProperty(conn, 'pings', {
        set: () => {
          looked.set(conn.id, looked.get(conn.id)! + 1)
        },
      })
    const { sweepIntervalMs } = server.core.timing
    server.advance(sweepIntervalMs)
    const gone = clients.filter((client) => looked.get(client.socketId) === 0).slice(50)
    const ids = new Set(gone.map(({ socketId }) => socketId))
    for (const conn of server.core.hub.connections())
      if (ids.has(conn.id)) server.core.hub.remove(conn)
    server.advance(sweepIntervalMs)
    while ([...looked].some(([id, looks]) => looks === 0 && !ids.has(id))) await turn()
    for (const [id, looks] of looked) expect([id, looks]).toEqual([id, ids.has(id) ? 0 : 1])
  })
})

test('cached events that expire at once are dropped in slices', async () => {
  await using server = await start({ meter: slow(), config: { cacheTtlSeconds: 60 } })
  const { slices } = server.core
  for (let n = 0; n < 500; n += 100) {
    const channels = Array.from({ length: 100 }, (_, index) => `cache-${n + index}`)
    const event = JSON.stringify({ name: 'e', channels, data: '1' })
    expect((await server.signed('POST', '/events', event)).status).toBe(200)
  }
  const sweepTurns = async (ms: number): Promise<number> => {
    const before = slices.turns
    server.advance(ms)
    while (!slices.isIdle) await turn()
    return slices.turns - before
  }
  const quiet = await sweepTurns(30_000)
  await sweepTurns(25_000)
  expect(await sweepTurns(30_000)).toBeGreaterThan(quiet + 500 / 16 / (2 * SLICE_MS))
})
