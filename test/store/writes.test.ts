/** Writes that the database does not take: 503 with the reason and `Retry-After`, `/ready` red, and nothing half done. */
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { MemoryLog } from '../../kit/clock'
import { openDatabase } from '../../src/store/sqlite'
import { Writes } from '../../src/store/writes'
import { makePlugin, start, type TestServer } from '../harness'
import { makeTemporary } from '../http/admin-requests'

const LOCKED = 'is locked by another process'
const APP = JSON.stringify({ app: { name: 'another name' } })
const REVOCATIONS = '/plugins/guardian/revocations'
const REVOCATION = JSON.stringify({ app: '1', jti: 'a' })

const WRITES: readonly (readonly [method: string, path: string, body?: string])[] = [
  ['POST', '/api/admin/apps', APP],
  ['PATCH', '/api/admin/apps/stored', APP],
  ['PUT', '/api/admin/apps/stored', APP],
  ['PATCH', '/api/admin/apps/test-app', APP],
  ['DELETE', '/api/admin/apps/stored'],
  ['POST', '/api/admin/apps/stored/keys'],
  ['POST', REVOCATIONS, REVOCATION],
  ['POST', '/plugins/mine/'],
]

describe('while another process writes', () => {
  const file = makeTemporary()
  let server: TestServer
  let other: Database

  beforeAll(async () => {
    const mine = {
      ...makePlugin('mine', {}),
      setup: ({ routes, store }: Parameters<ReturnType<typeof makePlugin>['setup']>[0]) => {
        routes.post('/', () => store.set('a', 1))
        return {}
      },
    }
    server = await start({ config: { databasePath: file.path }, plugins: [guardian(), mine] })
    const base = server.core.apps.byId('1')!.record
    const keys = [{ key: 'k', secret: 's' }]
    server.core.apps.create({ ...base, id: '8', name: 'stored', slug: 'stored', keys }, 0)
    other = new Database(file.path)
  })
  afterAll(async () => {
    other.close()
    await server.stop()
    await file[Symbol.asyncDispose]()
  })

  const send = ([method, path, body]: (typeof WRITES)[number]): Promise<Response> =>
    server.admin(path, { method, ...(body !== undefined && { body }) })
  const ready = async (): Promise<unknown> => (await server.http('/ready')).json()
  const listApps = async (): Promise<unknown> => (await server.admin('/api/admin/apps')).json()

  test('nothing is written, and it is said when to come again', async () => {
    const before = await listApps()
    const { faults } = server.core.counters
    other.run('BEGIN IMMEDIATE')
    for (const write of WRITES) {
      const answer = await send(write)
      expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([
        503,
        '5',
        { errors: { detail: `database: ${LOCKED}` } },
      ])
    }
    expect(await listApps()).toEqual(before)
    expect(server.core.counters.faults).toBe(faults)
    expect(await ready()).toEqual({ ready: false, reason: `writes: ${LOCKED}` })
    const lines = server.log.lines.filter(({ message }) => message.startsWith('writes: '))
    expect(lines).toHaveLength(1)

    server.advance(5000) // the sweep looks, in vain
    expect(await ready()).toEqual({ ready: false, reason: `writes: ${LOCKED}` })
    other.run('COMMIT')
    server.advance(5000)
    expect(await ready()).toEqual({ ready: true })
  })

  test('a write that is taken ends it', async () => {
    other.run('BEGIN IMMEDIATE')
    expect((await send(WRITES[0]!)).status).toBe(503)
    other.run('COMMIT')
    expect((await send(WRITES[0]!)).status).toBe(201)
    expect(await ready()).toEqual({ ready: true })
  })
})

test('a database without room says so; what is wrong with a write is a fault', () => {
  using db = openDatabase(':memory:')
  db.run('CREATE TABLE notes (note TEXT UNIQUE)')
  const log = new MemoryLog()
  const writes = new Writes(db, log)
  const { note } = writes.guard(
    { note: (text: string) => db.run('INSERT INTO notes VALUES (?)', [text]).changes },
    ['note'],
  )
  expect(note('a')).toBe(1)
  expect(() => note('a')).toThrow('UNIQUE constraint failed')
  expect(writes.readiness.all()).toEqual([])
  const { page_count: pages } = db.query('PRAGMA page_count').get() as { page_count: number }
  db.run(`PRAGMA max_page_count = ${pages}`)
  expect(() => note('x'.repeat(100_000))).toThrow('database: the disk is full')
  expect(writes.readiness.all()).toEqual(['writes: the disk is full'])
  db.run(`PRAGMA max_page_count = ${pages + 100}`)
  writes.probe()
  expect([writes.readiness.all(), log.lines.length]).toEqual([[], 2])
})
