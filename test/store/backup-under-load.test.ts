/** A backup that is taken under load restores to a server that serves what was answered before it began. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backup } from '../../src/store/backup'
import { restore } from '../../src/store/restore'
import { definePlugin } from '../../src/plugin'
import { start, waitFor, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { readDeliveries, Receiver, waitUntilSettled } from '../webhooks/receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const CHANNELS = ['room-0', 'room-1', 'room-2']
const JSON_TYPE = { 'content-type': 'application/json' }

type History = { readonly epoch: string; readonly events: readonly { readonly name: string }[] }

const historyOf = async (server: TestServer, channel: string): Promise<History> => {
  const request = { path: `/channels/${channel}/history`, params: { limit: 1000 } }
  const { epoch, events } = (await (await server.sdk().get(request)).json()) as History
  return { epoch, events }
}

const appsOf = async (server: TestServer): Promise<readonly { slug: string }[]> =>
  ((await (await server.admin('/api/admin/apps')).json()) as { data: { slug: string }[] }).data

const slugsOf = async (server: TestServer): Promise<string[]> =>
  (await appsOf(server)).map(({ slug }) => slug)

/** Triggers, admin writes, webhooks and a plugin's values, each one after the other, until `stop`. */
class Load {
  readonly names: string[] = []
  readonly slugs: string[] = []
  #isStopped = false
  readonly #loops: readonly Promise<void>[]
  #onAnswer: (() => void) | undefined

  constructor(readonly server: TestServer) {
    this.#loops = [this.#trigger(), this.#createApps(), this.#join()]
  }

  /** Resolves once so many more of both were answered. */
  answers(count: number): Promise<void> {
    const [names, slugs] = [this.names.length + count, this.slugs.length + count]
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onAnswer = () => {
      if (this.names.length >= names && this.slugs.length >= slugs) resolve()
    }
    return waitFor('answers', promise)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
  }

  async #trigger(): Promise<void> {
    for (let n = 0; !this.#isStopped; n++) {
      const event = { channel: CHANNELS[n % CHANNELS.length]!, name: `event-${n}`, data: `${n}` }
      if ((await this.server.trigger(event)).ok) this.names.push(event.name)
      this.#onAnswer?.()
    }
  }

  async #createApps(): Promise<void> {
    for (let n = 0; !this.#isStopped; n++) {
      const slug = `app-number-${n}`
      const body = JSON.stringify({ app: { name: slug, slug } })
      const init = { method: 'POST', headers: JSON_TYPE, body }
      if ((await this.server.admin('/api/admin/apps', init)).ok) this.slugs.push(slug)
      this.#onAnswer?.()
    }
  }

  async #join(): Promise<void> {
    await using client = await this.server.raw()
    for (let n = 0; !this.#isStopped; n++) await client.subscribed(`channel-${n}`)
  }
}

/** Stored apps, and those of which the audit says that they were created. */
const APPS_AND_AUDIT = `
  SELECT (SELECT COUNT(*) FROM apps) AS apps,
         (SELECT COUNT(*) FROM audit JOIN apps ON apps.id = audit.app_id WHERE action = 'app.created') AS audited`

/** All rows of all tables. */
function dump(path: string) {
  using db = new Database(path)
  const names = db.query<{ name: string }, []>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
  )
  return names.all().map(({ name }) => ({
    name,
    rows: db
      .query(`SELECT * FROM ${name}`)
      .all()
      .map((row) => JSON.stringify(row))
      .toSorted(),
  }))
}

test('what was answered before is in it, and a server serves it; of a quiet server it has every row', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  const keeper = definePlugin({
    name: 'keeper',
    carillon: 1,
    setup: ({ store }) => ({ published: () => void store.increment('published') }),
  })
  const databasePath = join(folder, 'first.sqlite')
  const open = (path: string) =>
    start({ config: { databasePath: path, webhookFlushMs: 0 }, plugins: [keeper] })
  await using first = await open(databasePath)
  const rule = { prefix: 'room-', size: 1000, ttl_seconds: 600, durable: true, rewind: 0 }
  const fields = { webhooks: [{ url: receiver.url }], history: [rule] }
  const init = { method: 'PATCH', headers: JSON_TYPE, body: JSON.stringify({ app: fields }) }
  expect((await first.admin('/api/admin/apps/test-app', init)).ok).toBe(true)

  const { token } = await makeToken(first, { name: 'reader', scope: 'read' })
  const auditOf = async (server: TestServer): Promise<unknown> => {
    const answer = await server.http('/api/admin/audit', { headers: bearer(token) })
    return { status: answer.status, ...(await answer.json()) }
  }

  const load = new Load(first)
  await load.answers(10)
  const before = { names: [...load.names], slugs: [...load.slugs] }
  await backup(databasePath, join(folder, 'under-load.sqlite'))
  await load.answers(2)
  await load.stop()
  await restore(join(folder, 'under-load.sqlite'), join(folder, 'second.sqlite'))
  {
    await using second = await open(join(folder, 'second.sqlite'))
    const names: string[] = []
    for (const channel of CHANNELS) {
      const [whole, part] = [await historyOf(first, channel), await historyOf(second, channel)]
      expect(part.epoch).not.toBe(whole.epoch) // the first goes on, with the same offsets
      expect(part.events).toEqual(whole.events.slice(0, part.events.length))
      names.push(...part.events.map(({ name }) => name))
    }
    expect(names).toEqual(expect.arrayContaining(before.names))
    const slugs = await slugsOf(second)
    expect(slugs).toEqual(expect.arrayContaining(before.slugs))
    expect(await slugsOf(first)).toEqual(expect.arrayContaining(slugs))
    expect(await auditOf(second)).toMatchObject({ status: 200 })
    using db = new Database(join(folder, 'second.sqlite'))
    expect(db.query(APPS_AND_AUDIT).get()).toEqual({
      apps: slugs.length - 1,
      audited: slugs.length - 1,
    })
  }

  await waitUntilSettled(first)
  await backup(databasePath, join(folder, 'quiet.sqlite'))
  expect(dump(join(folder, 'quiet.sqlite'))).toEqual(dump(databasePath))
  await restore(join(folder, 'quiet.sqlite'), join(folder, 'third.sqlite'))
  await using third = await open(join(folder, 'third.sqlite'))
  expect(await appsOf(third)).toEqual(await appsOf(first))
  expect(await auditOf(third)).toEqual(await auditOf(first))
  for (const channel of CHANNELS)
    expect(await historyOf(third, channel)).toEqual({
      ...(await historyOf(first, channel)),
      epoch: expect.any(String),
    })
  const [{ pending }, { pending: waiting }] = [
    await readDeliveries(third),
    await readDeliveries(first),
  ]
  expect(pending).toBe(waiting)
  expect(waiting).toBeGreaterThan(0)
})
