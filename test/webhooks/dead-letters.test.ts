/** Dead letters: listed in pages however many there are, and sent again, chosen or all. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../src/store/sqlite'
import type { TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { passTime, readDeliveries, Receiver, startWithWebhooks, waitUntilSettled } from './receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const WEBHOOKS = '/api/admin/apps/test-app/webhooks'
const ROWS = 10_000

/** Writes two dead letters for each lane, in turns, and `more` for the first; ids begin at 1. */
function writeDead(path: string, lanes: readonly (readonly string[])[], more: number): void {
  using db = openDatabase(path)
  for (const [index, [app, endpoint]] of lanes.entries())
    db.run('INSERT INTO webhook_lanes (id, app_id, endpoint) VALUES (?, ?, ?)', [
      index + 1,
      app!,
      endpoint!,
    ])
  const { length } = lanes
  db.run(
    `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)
     INSERT INTO webhook_outbox (lane, channel, event, time_ms, due_at, attempts, status, error, dead_at)
     SELECT iif(n < ?, n % ? + 1, 1), 'c' || n, '{"name":"channel_occupied","channel":"c' || n || '"}',
            1, 1, 9, 500, 'answered 500', 2
       FROM numbers`,
    [2 * length + more, 2 * length, length],
  )
}

const replay = async (server: TestServer, body: unknown) => {
  const answer = await server.admin(`${WEBHOOKS}/replay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { data, errors } = await answer.json()
  return { status: answer.status, replayed: data?.replayed, errors }
}

const page = async (server: TestServer, query: string) =>
  (await server.admin(`${WEBHOOKS}/dead?${query}`)).json()

test('ten thousand of an endpoint are listed in pages, and sent as they are chosen', async () => {
  await using receiver = new Receiver()
  const databasePath = join(folder, 'many.sqlite')
  const [one, two] = [`${receiver.url}/1`, `${receiver.url}/2`]
  writeDead(
    databasePath,
    [
      ['1', one],
      ['1', two],
      ['8', one],
      ['1', 'http://127.0.0.1:1/gone'],
    ],
    ROWS - 2,
  )
  await using server = await startWithWebhooks([{ url: one }, { url: two }], {
    config: { databasePath },
  })
  server.addTenant()
  const [first] = (await readDeliveries(server)).endpoints
  expect(first).toMatchObject({ endpoint: one, state: 'ok', dead: ROWS })

  const seen: number[] = []
  let next: string | null = ''
  while (next !== null) {
    const cursor: string = next === '' ? '' : `&cursor=${next}`
    const { data, next: after } = await page(server, `endpoint=${first.id}&limit=100${cursor}`)
    seen.push(...data.map(({ id }: { id: number }) => id))
    next = after
  }
  expect(seen).toHaveLength(ROWS)
  expect(seen.every((id, index) => index === 0 || id < seen[index - 1]!)).toBe(true)
  const { data: newest } = await page(server, 'limit=3')
  expect(newest.map(({ endpoint }: { endpoint: string }) => endpoint)).toEqual([one, one, one])
  const byUrl = await page(server, `limit=1&endpoint=${encodeURIComponent(two)}`)
  expect(byUrl).toMatchObject({ data: [{ id: 6, endpoint: two }], next: '6' })

  // Twice at once, with ids of another app and of an endpoint that is gone: each is sent once.
  const ids = [1, 5, 6, newest[0].id, 3, 4, 5_000_000]
  const twice = await Promise.all([replay(server, { ids }), replay(server, { ids })])
  expect(twice.map(({ replayed }) => replayed).toSorted()).toEqual([0, 4])
  const sent = (await receiver.events(server.sdk(), 4)).toSorted()
  const chosen = ids.slice(0, 4)
  expect(sent).toEqual(chosen.map((id) => `channel_occupied c${id - 1}`).toSorted())
  await waitUntilSettled(server)
  expect(receiver.requests.unread).toEqual([])

  const all = await replay(server, { endpoint: first.id })
  expect(all.replayed).toBe(ROWS - 3)
  await passTime(server, 2000, 500)
  const { endpoints } = await readDeliveries(server)
  expect(endpoints.map(({ dead }: { dead: number }) => dead)).toEqual([0, 1])
  const audit = await (await server.admin('/api/admin/audit?action=webhooks.replayed')).json()
  const rows = audit.data.map(({ target, after }: Record<string, unknown>) => [target, after])
  expect(rows).toEqual([
    [one, { replayed: ROWS - 3 }],
    [null, { replayed: 0, ids: [] }],
    [null, { replayed: 4, ids: chosen }],
  ])
})

test('what is no choice is refused; of another app nothing is found', async () => {
  const databasePath = join(folder, 'other.sqlite')
  const url = 'http://127.0.0.1:1/hook'
  const secret = 'http://me:secret-1@127.0.0.1:1/hook?token=secret-2'
  writeDead(
    databasePath,
    [
      ['8', url],
      ['1', secret],
    ],
    0,
  )
  await using server = await startWithWebhooks([{ url: secret }, { url }], {
    config: { databasePath },
  })
  const other = server.addTenant()
  server.core.apps.change(other, { ...other.record, webhooks: [{ url }] }, 0)
  const [{ id }] = (await readDeliveries(server)).endpoints
  const mistakes: readonly (readonly [unknown, object])[] = [
    [{ ids: [] }, { ids: expect.any(Array) }],
    [{ ids: Array.from({ length: 101 }, (_, n) => n) }, { ids: expect.any(Array) }],
    [{ ids: [1.5] }, { ids: expect.any(Array) }],
    [{ ids: ['1 OR 1'] }, { ids: expect.any(Array) }],
    [{ ids: [Number.MAX_SAFE_INTEGER + 1] }, { ids: expect.any(Array) }],
    [{ ids: { length: 1 } }, { ids: expect.any(Array) }],
    [{ ids: [2], endpoint: id }, { ids: expect.any(Array) }],
    [{ endpoint: 7 }, { endpoint: expect.any(Array) }],
    [{ Ids: [2] }, { body: expect.any(Array) }],
  ]
  for (const [body, errors] of mistakes)
    expect(await replay(server, body)).toMatchObject({ status: 422, errors })
  expect((await replay(server, { endpoint: 'nobody' })).status).toBe(404)
  expect(await replay(server, { ids: [1, -1, 0] })).toMatchObject({ status: 200, replayed: 0 })
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'cursor=-1', 'cursor=x'])
    expect((await server.admin(`${WEBHOOKS}/dead?${query}`)).status).toBe(422)
  expect((await server.admin(`${WEBHOOKS}/dead?endpoint=nobody`)).status).toBe(404)
  expect(await page(server, '')).toMatchObject({ data: [{ id: 4 }, { id: 2 }], next: null })
  const { token } = await makeToken(server, { name: 'reader', scope: 'read' })
  const shown = await (await server.http(`${WEBHOOKS}/dead`, { headers: bearer(token) })).text()
  expect(shown).not.toContain('secret-')
})
