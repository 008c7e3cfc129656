/** Rows that may be sent are found as by looking at all of them, however long others wait. */
import { expect, test } from 'bun:test'
import { outboxStore, type OutboxRow } from '../../src/store/outbox'
import { openDatabase } from '../../src/store/sqlite'
import { random } from '../random'

const KEY = { appId: '1', endpoint: 'http://127.0.0.1/' }
const STEPS = 1500
const ATTEMPT = { at: 0, durationMs: 0, events: 1, status: 500, error: 'x' }

type Row = OutboxRow & { readonly due_at: number }

/** The same by reading every row. */
function due(rows: readonly Row[], now: number, limit: number): number[] {
  const isWaiting = ({ attempts, due_at: at }: Row): boolean => attempts > 0 && at > now
  const waiting = new Set(rows.filter(isWaiting).map(({ channel }) => channel))
  return rows
    .filter(({ channel }) => !waiting.has(channel))
    .map(({ id }) => id)
    .slice(0, limit)
}

test.each([1, 2, 3, 4, 5])('random walk %d', (seed) => {
  using db = openDatabase(':memory:')
  const outbox = outboxStore(db)
  const chance = random(seed)
  const upTo = (most: number): number => Math.floor(chance() * (most + 1))
  let now = 1_000_000
  const alive = (): Row[] =>
    db.query<Row, []>('SELECT * FROM webhook_outbox WHERE dead_at IS NULL ORDER BY id').all()
  const record = (): void => {
    const event = () => ({ type: 'event', ...KEY, channel: `c${upTo(5)}`, event: '{}' }) as const
    outbox.record(Array.from({ length: upTo(6) }, event), now)
  }
  const send = (): void => {
    const limit = 1 + upTo(4)
    const expected = due(alive(), now, limit)
    let found: number[] = []
    const rows = outbox.take(KEY, { now, until: now + 10_000, alone: 4, limit }, (all) => {
      found = all.map(({ id }) => id)
      return upTo(all.length)
    })
    expect(found).toEqual(expected)
    expect(rows.map(({ id }) => id)).toEqual(expected.slice(0, rows.length))
    if (rows.length === 0) return
    if (chance() < 0.5) outbox.delivered(KEY, rows, ATTEMPT)
    else outbox.failed(KEY, rows, ATTEMPT, now + upTo(20_000))
  }
  const probe = (): void => {
    const rows = outbox.takeProbe(KEY, { now, until: now + 10_000, alone: 4 })
    if (rows.length > 0) outbox.failed(KEY, rows, ATTEMPT, now + upTo(20_000))
  }
  const steps = [record, send, send, send, send, probe, () => void (now += upTo(5000))]
  const rare = [
    () => outbox.forgive(KEY, now),
    () => outbox.reopen(now),
    () => outbox.bury(KEY, now + 300_000, upTo(1)),
    () => outbox.replay(KEY, now),
  ]
  for (let step = 0; step < STEPS; step++) {
    const list: readonly (() => unknown)[] = chance() < 0.02 ? rare : steps
    list[upTo(list.length - 1)]!()
  }
  const [stored] = db.query<{ n: number }, []>('SELECT COUNT(*) AS n FROM webhook_outbox').all()
  expect(outbox.size()).toBe(stored!.n)
})
