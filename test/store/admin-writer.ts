/**
 * A process that makes every kind of write of the admin's side, over and over, until it is killed. After each it
 * prints a dot. Its argument is the database file.
 */
import { writeSync } from 'node:fs'
import { MemoryLog } from '../../kit/clock'
import { readConfig } from '../../src/config/config'
import { NEW_APP } from '../../src/core/app'
import { Apps } from '../../src/core/apps'
import type { Action, Deed } from '../../src/core/audit'
import { newCounters, newTallies } from '../../src/core/counters'
import { Tokens } from '../../src/core/tokens'
import { appStore } from '../../src/store/apps'
import { outboxStore } from '../../src/store/outbox'
import { openDatabase } from '../../src/store/sqlite'
import { tokenStore } from '../../src/store/tokens'
import { RETRIES } from '../../src/webhooks/retries'
import { makeTokenRecord, NOBODY } from '../tokens'

const db = openDatabase(process.argv[2]!)
const outbox = outboxStore(db, RETRIES)
const tokens = new Tokens(tokenStore(db))
const provided = [
  {
    ...NEW_APP,
    id: 'p',
    name: 'p',
    slug: 'p',
    keys: [{ key: 'p', secret: 'p' }],
    providedBy: 'it',
  },
]
const apps = new Apps(appStore(db), {
  limits: readConfig({}).limits,
  log: new MemoryLog(),
  counters: newCounters(),
  tallies: newTallies(),
  provided,
  defaultAppId: undefined,
})

const deed = (action: Action): Deed => ({ by: NOBODY, action })
const print = (): void => void writeSync(1, '.')
/** Later than what was written first. */
const REPLAYED_MS = 1000
const { last } = db.query<{ last: number | null }, []>('SELECT MAX(id) AS last FROM audit').get()!

for (let n = last ?? 0; ; n++) {
  const id = `app-${n}`
  const keys = [{ key: `${id}-1`, secret: 's' }]
  const record = { ...NEW_APP, id, name: id, slug: id, keys }
  const change = (fields: object, action: Action, of = id): void => {
    const changed = { ...apps.byId(of)!.record, ...fields }
    apps.apply({ type: 'change', record: changed, deed: deed(action) }, n)
    print()
  }
  apps.apply({ type: 'create', record, deed: deed('app.created') }, n)
  print()
  const token = makeTokenRecord(`token ${n}`, `app:${id}`)
  tokens.apply({ type: 'create', record: token, deed: deed('token.created') }, n)
  print()
  change({ clientEvents: false }, 'app.changed')
  change({ clientEvents: !apps.byId('p')!.record.clientEvents }, 'app.changed', 'p')
  change({ keys: [...keys, { key: `${id}-2`, secret: 's' }] }, 'key.added')
  change({ keys: [{ key: `${id}-2`, secret: 's' }] }, 'key.retired')
  const lane = { appId: id, endpoint: id }
  const event = { type: 'event', ...lane, channel: 'c', event: '{}' } as const
  outbox.record([{ ...event, subject: { kind: 'occurrence' } }], 1, 1_000_000)
  db.run('UPDATE webhook_outbox SET dead_at = 1 WHERE time_ms = 1')
  const row = { appId: id, at: n, target: undefined, before: undefined, after: { replayed: 1 } }
  const audited = { ...deed('webhooks.replayed'), ...row }
  outbox.replay(lane, { before: 2, after: 0 }, REPLAYED_MS, audited)
  print()
  const nothing = { ...row, target: id, after: undefined }
  outbox.pause(lane, { ...deed('webhook.paused'), ...nothing })
  print()
  if (n % 2 === 0) {
    outbox.resume(lane, { ...deed('webhook.resumed'), ...nothing })
    print()
  }
  if (n % 3 === 0)
    tokens.apply({ type: 'revoke', id: token.id, deed: deed('token.revoked') }, n + 1)
  else apps.apply({ type: 'remove', id, deed: deed('app.deleted') }, n + 1)
  print()
}
