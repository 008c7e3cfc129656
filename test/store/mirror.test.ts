/** What a database has of the table of several nodes, and what becomes of it without them. */
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { MemoryLog } from '../../kit/clock'
import type { AuditQuery } from '../../src/core/audit'
import { auditStore } from '../../src/store/audit'
import { detach, mirrorOf } from '../../src/store/mirror'
import { openDatabase } from '../../src/store/sqlite'
import { Writes } from '../../src/store/writes'
import { NOBODY } from '../tokens'

const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 99, maxBytes: 1e6 } as AuditQuery
const about = { appId: undefined, target: undefined, before: undefined, after: undefined }
const entryAt = (at: number) => ({ by: NOBODY, action: 'app.created', at, ...about }) as const

function open() {
  const db = openDatabase(':memory:')
  const mirror = mirrorOf(new Writes(db, new MemoryLog()), () => 1000)
  const audit = auditStore(db)
  const times = () => audit.page(ALL).rows.map(({ id, at }) => [id, at])
  return { db, mirror, audit, times }
}

test('rows of another table are the oldest from then on, in their order', () => {
  const { mirror, audit, times } = open()
  for (const at of [1, 2, 3]) audit.write(entryAt(at))
  mirror.putRowsAside(1)
  mirror.putRow({ id: 2, ...entryAt(4) })
  mirror.putRow({ id: 2, ...entryAt(5) })
  expect(times().map(([, at]) => at)).toEqual([4, 1, 3, 2])
  mirror.putRowsAside(0)
  expect(times().map(([, at]) => at)).toEqual([3, 2, 4, 1])
  expect(times().every(([id]) => id! < 0)).toBe(true)
  expect(mirror.lastRow()).toBe(0)
  expect(audit.trim({ days: 1, maxRows: 2 }, 5)).toBe(false)
  expect(times().map(([, at]) => at)).toEqual([3, 2])
})

test('rows that wait for the table are written where there is none any more', () => {
  const { db, mirror, audit, times } = open()
  mirror.note({ origin: 'o', life: 'l', rev: 9 })
  mirror.holdRows(() => undefined)
  for (const at of [1, 2]) audit.write(entryAt(at))
  expect(times()).toEqual([])
  expect(mirror.pendingRows(9).map(({ entry }) => entry.at)).toEqual([1, 2])
  using alone = Database.deserialize(db.serialize(), { strict: true })
  detach(alone)
  const rows = auditStore(alone).page(ALL).rows
  expect(rows.map(({ at }) => at)).toEqual([2, 1])
  expect(mirrorOf(new Writes(alone, new MemoryLog()), () => 0).state()).toMatchObject({
    origin: '',
    rev: 2,
  })
})
