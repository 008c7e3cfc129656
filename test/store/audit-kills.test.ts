/** A process that is killed in the middle of a write of the admin's side: the change and its row are there, or neither. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ACTIONS } from '../../src/core/audit'
import { makeRandom } from '../random'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)
const random = makeRandom(seed)

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const LIVES = 8

/** Kills the process after as many writes as `dots`, and some microseconds; returns how many it had told of. */
async function live(path: string, dots: number, spins: number): Promise<number> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'admin-writer.ts'), path], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let told = 0
  for await (const bytes of child.stdout) {
    told += bytes.length
    if (told < dots || child.killed) continue
    for (let n = 0; n < spins; n++) void n
    child.kill('SIGKILL')
  }
  expect(await child.exited).toBe(137)
  return told
}

type Row = { action: string; app_id: string; target: string; before: string; after: string }
type State = Record<string, unknown>

/** What there must be, by the rows alone. */
function replayed(rows: readonly Row[]): State {
  const state: State = {}
  const set = (name: string, fields: object): void =>
    void (state[name] = { ...(state[name] as object), ...fields })
  for (const { action, app_id: app, target, after } of rows) {
    const fields = JSON.parse(after ?? '{}')
    const keys = fields.keys?.map(({ key }: { key: string }) => key)
    if (action === 'app.deleted') {
      delete state[app]
      set(`id-of-token ${app.slice('app-'.length)}`, { isRevoked: true })
    } else if (action === 'token.created') set(target, { isRevoked: false })
    else if (action === 'token.revoked') set(target, { isRevoked: true })
    else if (action === 'webhooks.replayed') state[`replay of ${app}`] = true
    else if (action === 'webhook.paused') state[`pause of ${target}`] = true
    else if (action === 'webhook.resumed') delete state[`pause of ${target}`]
    else
      set(app, {
        ...('client_events' in fields && { clientEvents: fields.client_events }),
        ...(keys && { keys }),
      })
  }
  return state
}

/** What there is. */
function read(db: Database): State {
  const all = <T>(sql: string): T[] => db.query<T, []>(sql).all()
  const state: State = {}
  for (const { id, on, keys } of all<{ id: string; on: number; keys: string }>(
    `SELECT id, client_events AS "on", (SELECT json_group_array(key) FROM app_keys WHERE app_id = id) AS keys FROM apps`,
  ))
    state[id] = { clientEvents: on === 1, keys: JSON.parse(keys) }
  for (const { changes } of all<{ changes: string }>('SELECT changes FROM app_overrides'))
    state['p'] = { clientEvents: JSON.parse(changes).clientEvents ?? true }
  for (const { id, ended } of all<{ id: string; ended: number }>(
    'SELECT id, revoked_at IS NOT NULL AS ended FROM admin_tokens',
  ))
    state[id] = { isRevoked: ended === 1 }
  for (const { app } of all<{ app: string }>(
    `SELECT app_id AS app FROM webhook_lanes WHERE id IN (SELECT lane FROM webhook_outbox WHERE time_ms > 1)`,
  ))
    state[`replay of ${app}`] = true
  for (const { app } of all<{ app: string }>(
    'SELECT app_id AS app FROM webhook_lanes WHERE paused_at IS NOT NULL',
  ))
    state[`pause of ${app}`] = true
  return state
}

test('whatever write it dies in', async () => {
  const path = join(folder, 'killed.sqlite')
  let told = 0
  for (let n = 0; n < LIVES; n++) {
    told += await live(path, 1 + Math.floor(random() * 24), Math.floor(random() * 200_000))
    using db = new Database(path)
    const rows = db.query<Row, []>('SELECT * FROM audit ORDER BY id').all()
    expect(read(db)).toEqual(replayed(rows))
    expect(rows.length - told).toBeWithin(0, n + 2) // of each life, one that it had no time to tell of
  }
  const written = new Set(Object.keys(ACTIONS))
  written.delete('plugin.requested') // the plugin's own change
  // Of these only the row is stored.
  for (const action of ['session.ended', 'connection.closed', 'user.terminated', 'webhook.tested'])
    written.delete(action)
  using db = new Database(path)
  const actions = db.query<{ action: string }, []>('SELECT DISTINCT action FROM audit').all()
  expect(new Set(actions.map(({ action }) => action))).toEqual(written)
})
