/** Rows that may be sent are found as by looking at all of them, however long others wait; numbers are kept. */
import { expect, spyOn, test } from 'bun:test'
import { RETRIES } from '../../src/webhooks/retries'
import { outboxStore, type OutboxRow } from '../../src/store/outbox'
import type { EventSubject } from '../../src/store/outbox-cancellations'
import { openDatabase } from '../../src/store/sqlite'
import { makeRandom } from '../random'

const KEY = { appId: '1', endpoint: 'http://127.0.0.1/' }
const STEPS = 800
const ATTEMPT = { at: 0, durationMs: 0, events: 1, status: 500, error: 'x' }
const LEASE_MS = 10_000

type Row = OutboxRow & { readonly untold: string | null; readonly dead_at: number | null }

test.each([1, 2, 3, 4, 5])('random walk %d', (seed) => {
  using db = openDatabase(':memory:')
  const outbox = outboxStore(db, RETRIES)
  const chance = makeRandom(seed)
  const upTo = (most: number): number => Math.floor(chance() * (most + 1))
  let now = 1_000_000
  /** Channels of which none may be sent, and until when. */
  const held = new Map<string, number>()
  const hold = (rows: readonly OutboxRow[], until: number): void => {
    for (const { channel } of rows) held.set(channel, until)
  }
  const free = (rows: readonly OutboxRow[]): void => {
    for (const { channel } of rows) held.delete(channel)
  }
  const rows = () => db.query<Row, []>('SELECT * FROM webhook_outbox ORDER BY id').all()
  const alive = (): Row[] => rows().filter((row) => row.dead_at === null)
  const due = (): Row[] => alive().filter(({ channel }) => (held.get(channel) ?? 0) <= now)
  const lease = () => ({ now, mono: now, until: now + LEASE_MS, alone: 4 })

  const eventOf = (subject: EventSubject) =>
    ({ type: 'event', ...KEY, channel: `c${upTo(5)}`, event: '{}', subject }) as const
  const record = (): void => {
    const entries = Array.from({ length: upTo(6) }, () => eventOf({ kind: 'occurrence' }))
    outbox.record(entries, now, 1_000_000)
  }
  /** A channel is cancelled with all events about its state, unless some were sent, or have to be. */
  const arriveAndDepart = (): void => {
    const arriving = eventOf({ kind: 'arrival', user: '' })
    const entry = { ...arriving, channel: `passing-${upTo(2)}` }
    outbox.record([entry, { ...entry, subject: { kind: 'state' } }], now, 1_000_000)
    const isAttempted = chance() < 0.3
    if (isAttempted) outbox.record([{ ...entry, subject: { kind: 'occurrence' } }], now, 1_000_000)
    if (chance() < 0.3) send()
    const own = (): Row[] => rows().filter(({ channel }) => channel === entry.channel)
    const before = own().filter(({ untold }) => untold !== null)
    const arrival = before.findLastIndex(({ untold }) => untold === '+')
    const isCancelled =
      arrival >= 0 && before.slice(arrival + 1).every(({ untold }) => untold === '~')
    const older = before
      .slice(0, Math.max(0, arrival))
      .findLastIndex(({ untold }) => untold !== '~')
    const rest = isCancelled ? before.slice(older + 1) : []
    const all = own().length
    const recorded = outbox.record(
      [{ ...entry, subject: { kind: 'departure', user: '' } }],
      now,
      1e6,
    )
    const gone = { rows: -rest.length, written: 0, cancelled: 1 + rest.length, dropped: 0 }
    const kept = { rows: 1, written: 1, cancelled: 0, dropped: 0 }
    expect([...recorded]).toEqual([{ ...KEY, ...(isCancelled ? gone : kept) }])
    expect(own().length).toBe(all + (isCancelled ? -rest.length : 1))
  }
  const send = (): void => {
    const limit = 1 + upTo(4)
    const expected = due()
    let found: number[] = []
    let taken: ReturnType<typeof outbox.take>
    do {
      taken = outbox.take(KEY, { ...lease(), limit }, (rows) => {
        found = rows.map(({ id }) => id)
        return rows.length === 0 ? 0 : 1 + upTo(rows.length - 1)
      })
      if (taken.dead > 0) return
    } while (found.length === 0 && taken.more)
    expect(found.length).toBeWithin(Math.min(1, expected.length), limit + 1)
    for (const channel of new Set(expected.map((row) => row.channel))) {
      const own = expected.filter((row) => row.channel === channel).map(({ id }) => id)
      const here = found.filter((id) => own.includes(id))
      expect(here).toEqual(own.slice(0, here.length))
    }
    expect(found.slice(0, taken.rows.length)).toEqual(taken.rows.map(({ id }) => id))
    settle(taken.rows)
  }
  const settle = (rows: readonly OutboxRow[]): void => {
    if (rows.length === 0) return
    const fate = chance()
    const dueAt = now + upTo(20_000)
    hold(rows, fate < 0.5 ? 0 : fate < 0.95 ? dueAt : now + LEASE_MS)
    if (fate < 0.5) outbox.recordDelivery(KEY, rows, ATTEMPT)
    else if (fate < 0.95) outbox.recordFailure(KEY, rows, ATTEMPT, dueAt) // else the database was away
    if (fate < 0.5) free(rows)
  }
  const probe = (): void => settle(outbox.takeProbe(KEY, lease()).rows)
  const reopen = (below: number): void => {
    while (outbox.reopen(KEY, now, { below, before: now - 150_000 }));
    held.clear()
  }
  const replay = (): void => {
    const state = { before: now, after: 0 }
    while (outbox.replay(KEY, state, now));
  }
  const steps = [
    record,
    arriveAndDepart,
    send,
    send,
    send,
    send,
    probe,
    () => void (now += upTo(5000)),
  ]
  const rare = [
    () => reopen(0),
    () => reopen(1e9),
    () => outbox.giveUp(KEY, now + 300_000, upTo(1)),
    () => void (now += 300_000),
    replay,
  ]
  for (let step = 0; step < STEPS; step++) {
    const list: readonly (() => unknown)[] = chance() < 0.02 ? rare : steps
    list[upTo(list.length - 1)]!()
  }
  for (let left = alive().length; left > 0; left--) {
    now += 30_000
    const taken = outbox.take(KEY, { ...lease(), limit: 100 }, ({ length }) => length)
    outbox.recordDelivery(KEY, taken.rows, ATTEMPT)
  }
  expect(alive()).toEqual([])
  const [numbers] = db
    .query<Record<'all' | 'pending' | 'failing' | 'dead', number>, []>(
      `SELECT COUNT(*) AS "all", COALESCE(SUM(dead_at IS NULL), 0) AS pending,
              COALESCE(SUM(dead_at IS NULL AND attempts > 0), 0) AS failing,
              COALESCE(SUM(dead_at IS NOT NULL), 0) AS dead
         FROM webhook_outbox`,
    )
    .all()
  const { all, ...kept } = numbers!
  expect([outbox.size(), outbox.stored(KEY), outboxStore(db, RETRIES).stored(KEY)]).toEqual([
    all,
    all,
    all,
  ])
  expect(outbox.lanes('1')).toMatchObject([kept])
})

test('twice as many rows are read as one request may have, however many wait', () => {
  using db = openDatabase(':memory:')
  const outbox = outboxStore(db, RETRIES)
  const of = (channel: string) =>
    ({ type: 'event', ...KEY, channel, event: '{}', subject: { kind: 'occurrence' } }) as const
  outbox.record([...Array(45).fill('busy'), 'other'].map(of), 0, 100)
  const terms = { now: 0, mono: 0, until: LEASE_MS, alone: 4, limit: 10 }
  const take = () => outbox.take(KEY, terms, ({ length }) => length)
  const takes = Array.from({ length: 3 }, take)
  expect(takes.map(({ rows, more }) => [rows.length, more])).toEqual([
    [10, true], // of twenty
    [0, true], // the next twenty wait for those
    [1, true],
  ])
})

test('the backlog of fifty endpoints is as many statements as that of one', () => {
  using db = openDatabase(':memory:')
  const outbox = outboxStore(db, RETRIES)
  const query = spyOn(db, 'query')
  const countOf = (look: () => unknown): number => {
    const before = query.mock.calls.length
    look()
    return query.mock.calls.length - before
  }
  const counts = [1, 50].map((endpoints) => {
    for (let number = 0; number < endpoints; number++) {
      const key = { appId: `app-${endpoints}`, endpoint: `http://127.0.0.1/${number}` }
      const subject = { kind: 'occurrence' } as const
      const entry = { type: 'event', ...key, channel: 'room', event: '{}', subject } as const
      outbox.record([entry], 1000 + number, 10)
    }
    return countOf(() => outbox.backlog(`app-${endpoints}`))
  })
  expect(counts[1]).toBe(counts[0]!)
  expect(outbox.backlog('app-50')).toMatchObject({ pending: 50, oldest: 1000 })
  expect(outbox.lanes('app-50').map(({ oldest }) => oldest)).toEqual(
    Array.from({ length: 50 }, (_, number) => 1000 + number),
  )
  outbox.setPause({ appId: 'app-50', endpoint: 'http://127.0.0.1/0' }, 5)
  expect(outbox.backlog('app-50')).toMatchObject({ paused: 1, oldest: 1001 })
})
