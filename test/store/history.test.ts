/** Durable streams in the database: what an older version has stored is taken up; rows take the places of others. */
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import type { KeptEvent } from '../../src/core/messages'
import type { HistoryWrite, LoggedStream } from '../../src/core/history-log'
import { historyStore } from '../../src/store/history'
import { MIGRATIONS } from '../../src/store/migrations'
import { migrate, openDatabase } from '../../src/store/sqlite'
import { Writes } from '../../src/store/writes'
import { MemoryLog } from '../../kit/clock'

const storeOf = (db: Database) => historyStore(new Writes(db, new MemoryLog()))

test('what was stored by stream and offset is there, in its order', () => {
  using db = new Database(':memory:', { strict: true })
  const before = MIGRATIONS.findIndex((sql) => sql.includes('history_events_2'))
  migrate(db, 'old', { migrations: MIGRATIONS.slice(0, before) })
  db.run(`INSERT INTO history_streams VALUES (3, '1', 'a', 'e', 100, 0), (5, '1', 'b', 'f', 7, 1)`)
  db.run(`INSERT INTO history_events (stream, offset, name, data, except_id, at) VALUES
    (5, 7, '"x"', '"b7"', NULL, 10), (3, 2, '"x"', '"a2"', '1.1', 20), (3, 1, '"x"', '"a1"', NULL, 30)`)
  migrate(db, 'old')
  const store = storeOf(db)
  expect(
    [...store.streams()].map(({ id, reserved, isClosed }) => [id, reserved, isClosed]),
  ).toEqual([
    [3, 100, false],
    [5, 7, true],
  ])
  const events = [...store.events()].map(({ stream, data, except, once }) => [
    stream,
    data,
    except,
    once,
  ])
  expect(events as unknown[]).toEqual([
    [3, '"a1"', undefined, undefined],
    [3, '"a2"', '1.1', undefined],
    [5, '"b7"', undefined, undefined],
  ])
})

const stream = { id: 1, appId: '1', channel: 'a', epoch: 'e', reserved: 9, committed: 0 }

const append = (row: number, offset: number, once?: object): HistoryWrite => {
  const publication = { event: `e${offset}`, data: '"x"', except: undefined, once }
  const event = { offset, publication, at: 0, bytes: 0, row } as unknown as KeptEvent
  return { type: 'append', stream: 1, row, event, at: 10 * offset }
}

test('a row takes the place of another, ranges are deleted, and a name has one stream', () => {
  using db = openDatabase(':memory:')
  const store = storeOf(db)
  const reserve = (id: number, reserved: number): HistoryWrite => ({
    type: 'reserve',
    stream: { ...stream, id } as unknown as LoggedStream,
    reserved,
    isClosed: false,
  })
  const once = { key: 'k', fingerprint: 'f' }
  store.commit([reserve(1, 9), ...[1, 2, 3, 4, 5].map((n) => append(n, n)), append(1, 6, once)])
  store.commit([{ type: 'discard', streams: [], rows: [5, 3, 2] }, reserve(1, 19)])
  const read = () => [...store.events()].map(({ row, offset, once: key }) => [row, offset, key])
  expect(read() as unknown[]).toEqual([
    [1, 6, once],
    [4, 4, undefined],
  ])
  // The next one of the channel, where the first could not be deleted.
  store.commit([reserve(2, 1000)])
  expect([...store.streams()].map(({ id, reserved }) => [id, reserved])).toEqual([[2, 1000]])
  store.endEpochs()
  expect([...store.streams()].map(({ id, epoch }) => [id, epoch !== stream.epoch])).toEqual([
    [2, true],
  ])
  store.commit([{ type: 'discard', streams: [1, 2], rows: [] }])
  expect([...store.streams()]).toEqual([])
})

test('a row says that many streams have ended, whatever epochs the others get', () => {
  using db = openDatabase(':memory:')
  const store = storeOf(db)
  const known = { ...stream, id: 7 } as unknown as LoggedStream
  store.commit([{ type: 'reserve', stream: known, reserved: 9, isClosed: false }])
  const ended = { row: 12, streams: Array.from({ length: 50_000 }, (_, n) => n) }
  const second = { row: 13, streams: [4] }
  store.commit([
    { type: 'end', ...ended },
    { type: 'end', ...second },
  ])
  store.endEpochs()
  expect([...store.ended()]).toEqual([ended, second])
  expect([...store.streams()].map(({ id, epoch }) => [id, epoch.length])).toEqual([[7, 16]])
  store.commit([{ type: 'discard', streams: [7, 12], rows: [] }])
  expect([[...store.streams()], [...store.ended()]]).toEqual([[], [second]])
})
