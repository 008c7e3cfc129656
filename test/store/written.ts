/** WRITTEN: what each version of the schema has written that is special to it, and how the newest reads it. */
import type { Database } from 'bun:sqlite'
import { expect } from 'bun:test'
import { createHmac } from 'node:crypto'
import { MemoryLog } from '../../kit/clock'
import type { AuditQuery } from '../../src/core/audit'
import { appStore } from '../../src/store/apps'
import { auditStore } from '../../src/store/audit'
import { historyStore } from '../../src/store/history'
import { mirrorOf } from '../../src/store/mirror'
import { outboxStore } from '../../src/store/outbox'
import { pluginStore } from '../../src/store/plugins'
import { statisticsStore } from '../../src/store/statistics'
import { tokenStore } from '../../src/store/tokens'
import { Writes } from '../../src/store/writes'
import { RETRIES } from '../../src/webhooks/retries'

/** The stores of a database that was opened. */
export function storesOf(db: Database) {
  const apps = appStore(db)
  return {
    app: (id: string) => apps.all().find((app) => app.id === id),
    apps,
    outbox: outboxStore(db, RETRIES),
    history: historyStore(new Writes(db, new MemoryLog())),
    statistics: statisticsStore(new Writes(db, new MemoryLog()), 1e6),
    tokens: tokenStore(db),
    audit: auditStore(db),
    mirror: mirrorOf(new Writes(db, new MemoryLog()), () => 1000),
    valueOf: (plugin: string, key: string) => pluginStore(db, plugin, () => 1000).get(key),
  }
}

const ANYTHING = { before: 9, limit: 9, maxBytes: 999, ofThisLife: false } as AuditQuery

type Written = {
  /** Run after the migrations up to this one: a row in each new table, a value in each new column. */
  readonly sql: string
  readonly read: (stores: ReturnType<typeof storesOf>) => unknown
  readonly as: unknown
}

/** One for each of MIGRATIONS; rows are for the next migrations to move, too. */
export const WRITTEN: readonly Written[] = [
  {
    sql: `INSERT INTO apps VALUES ('1', 'one', 'slug-1', 'key-1', 'secret-1', 0, 0, 11);
      INSERT INTO admins VALUES ('me', '${'a'.repeat(64)}', 1);`,
    read: ({ app, apps }) => [app('1'), apps.admin()],
    as: [
      {
        name: 'one',
        slug: 'slug-1',
        active: false,
        clientEvents: false,
        subscriptionCounts: false,
        hosts: [],
        webhooks: [],
        limits: {},
        keys: [{ key: 'key-1', secret: 'secret-1' }],
      },
      { username: 'me', password_sha256: 'a'.repeat(64) },
    ],
  },
  {
    // Apps without keys were changes of provided ones.
    sql: `INSERT INTO apps VALUES
        ('2', 'two', 'slug-2', 1, 0, 1, 1, '["a"]', '[{"url":"http://a/"}]', '{"maxConnections":2}', 12),
        ('p', 'pee', 'slug-p', 1, 0, 1, 1, '["p"]', '[{"url":"http://p/"}]', '{"maxConnections":3}', 13);
      INSERT INTO app_keys VALUES ('2', 'key-2', 'secret-2', 1), ('2', 'key-1-2', 'secret-1-2', 1);`,
    read: ({ app, apps }) => [app('2'), app('p'), apps.overrides().get('p')],
    as: [
      {
        name: 'two',
        slug: 'slug-2',
        active: true,
        clientEvents: false,
        dialects: { publicClientEvents: true },
        subscriptionCounts: true,
        hosts: ['a'],
        webhooks: [{ url: 'http://a/' }],
        limits: { maxConnections: 2 },
        keys: [
          { key: 'key-2', secret: 'secret-2' },
          { key: 'key-1-2', secret: 'secret-1-2' },
        ],
      },
      undefined,
      {
        name: 'pee',
        slug: 'slug-p',
        active: true,
        clientEvents: false,
        dialects: { publicClientEvents: true },
        subscriptionCounts: true,
        hosts: ['p'],
        webhooks: [{ url: 'http://p/' }],
        limits: { maxConnections: 3 },
      },
    ],
  },
  {
    sql: `INSERT INTO plugin_values VALUES
      ('keeper', 'lasting', '{"a":1}', NULL), ('keeper', 'passing', '2', 5000), ('keeper', 'past', '3', 5);`,
    read: ({ valueOf }) => ['lasting', 'passing', 'past'].map((key) => valueOf('keeper', key)),
    as: [{ a: 1 }, 2, undefined],
  },
  {
    sql: `INSERT INTO app_overrides (app_id, changes, changed_at) VALUES ('q', '{"active":false}', 14);`,
    read: ({ apps }) => apps.overrides().get('q'),
    as: { active: false },
  },
  {
    sql: `INSERT INTO webhook_lanes VALUES (7, '2', 'http://a/');
      INSERT INTO webhook_outbox VALUES
        (1, 7, 'c', '{"name":"waits"}', 1, 1, 0, NULL, NULL, NULL),
        (2, 7, 'c', '{"name":"failed"}', 2, 2, 3, 500, NULL, NULL),
        (3, 7, 'c', '{"name":"dead"}', 3, 3, 9, NULL, 'no answer', 33);
      INSERT INTO webhook_announced VALUES ('2', 'c', ''), ('2', 'c', 'ann');`,
    read: ({ outbox }) => [
      outbox.lanes('2'),
      outbox.deadLetters('2'),
      outbox.announcements(undefined, 9),
    ],
    as: [
      [{ endpoint: 'http://a/', pending: 2, failing: 1, dead: 1, oldest: 1 }],
      [{ id: 3, event: '{"name":"dead"}', attempts: 9, error: 'no answer', deadAt: 33 }],
      [
        { appId: '2', channel: 'c', userId: 'ann' },
        { appId: '2', channel: 'c', userId: '' },
      ],
    ],
  },
  {
    sql: `INSERT INTO apps VALUES ('6', 'six', 'slug-6', 1, 1, 0, 0, '[]', '[]', '{}', 15, 1);
      INSERT INTO app_keys VALUES ('6', 'key-6', 'secret-6', 1);`,
    read: ({ app }) => app('6'),
    as: { dialects: { eplBridge: true } },
  },
  {
    sql: `INSERT INTO webhook_attempts VALUES (7, 1, 70, 5, 2, 500, 'sorry');`,
    read: ({ outbox }) => outbox.lanes('2')[0]!.attempts,
    as: [{ at: 70, durationMs: 5, events: 2, status: 500, error: 'sorry' }],
  },
  {
    sql: `INSERT INTO app_overrides VALUES ('r', '{"active":true}', 16, 17);`,
    // 'q' was last seen when it was changed.
    read: ({ apps }) => apps.markProvided([], 30 * 86_400_000 + 15),
    as: expect.arrayContaining(['q']),
  },
  {
    sql: `INSERT INTO plugin_values VALUES ('keeper', 'large', '"${'x'.repeat(9000)}"', 6000);`,
    read: ({ valueOf }) => valueOf('keeper', 'large'),
    as: 'x'.repeat(9000),
  },
  {
    sql: `INSERT INTO webhook_lanes (id, app_id, endpoint) VALUES (8, '6', 'http://b/');
      INSERT INTO webhook_outbox VALUES
        (4, 8, 'c', '{}', 1, 1, 0, NULL, NULL, NULL, 'c'), (5, 8, 'c', '{}', 1, 1, 1, 500, NULL, NULL, NULL),
        (6, 8, 'c', '{}', 1, 1, 1, 500, NULL, 9, NULL);`,
    read: ({ outbox }) => outbox.lanes('6'),
    as: [{ endpoint: 'http://b/', pending: 2, failing: 1, dead: 1 }],
  },
  {
    sql: `UPDATE apps SET plugins = '{"keeper":{"a":1}}' WHERE id = '6';`,
    read: ({ app }) => app('6'),
    as: { plugins: { keeper: { a: 1 } } },
  },
  {
    sql: `UPDATE apps SET history = '[{"prefix":"room-"}]' WHERE id = '6';`,
    read: ({ app }) => app('6'),
    as: { history: [{ prefix: 'room-' }] },
  },
  {
    sql: `INSERT INTO history_streams VALUES (3, '6', 'room-1', 'epoch', 100, 1), (2, '6', 'room-2', 'e', 9, 0);
      INSERT INTO history_events VALUES
        (3, 8, '"eight"', '"8"', NULL, 80), (2, 1, '"one"', '"1"', NULL, 10), (3, 7, '"seven"', '"7"', '1.1', 70);`,
    read: ({ history }) => [[...history.streams()], [...history.events()]],
    as: [
      expect.arrayContaining([
        { id: 2, appId: '6', channel: 'room-2', epoch: 'e', reserved: 9, isClosed: false },
        { id: 3, appId: '6', channel: 'room-1', epoch: 'epoch', reserved: 100, isClosed: true },
      ]),
      expect.arrayContaining([
        expect.objectContaining({
          stream: 3,
          offset: 7,
          name: '"seven"',
          data: '"7"',
          except: '1.1',
        }),
        expect.objectContaining({ stream: 3, offset: 8, name: '"eight"', data: '"8"', at: 80 }),
      ]),
    ],
  },
  {
    sql: `INSERT INTO history_events VALUES (90, 2, 2, '"two"', '"2"', NULL, 20, 'key', 'request');`,
    read: ({ history }) => [...history.events()].at(-1),
    as: { row: 90, stream: 2, offset: 2, name: '"two"' },
  },
  {
    sql: `INSERT INTO statistics SELECT '6', 10, 1000, ${Array.from({ length: 37 }, (_, n) => n + 1).join()};
      INSERT INTO statistics_labels VALUES ('6', 10, 1000, 'refusals', 'x', 2);`,
    read: ({ statistics }) => statistics.lastValues('6', 1000)?.slice(0, 3),
    as: [1, 2, 3],
  },
  {
    sql: `INSERT INTO admin_tokens VALUES ('t', 'ci', 'create', '${'b'.repeat(64)}', 1, 'me', 4, 3, 2);
      UPDATE apps SET created_by = 't' WHERE id = '6';
      INSERT INTO audit (at, action, by_kind, by_id, by_name, address, request_id, app_id, target, before, after)
      VALUES (1, 'app.changed', 'token', 't', 'ci', '::1', 'r', '6', 'x', '{"a":1}', '{"a":2}');`,
    read: ({ app, tokens, audit }) => [app('6'), tokens.all(), audit.page(ANYTHING).rows],
    as: [
      { createdBy: 't' },
      [{ id: 't', name: 'ci', grant: 'create', expiresAt: 4, revokedAt: 3, lastUsedAt: 2 }],
      [
        {
          by: { kind: 'token', id: 't', name: 'ci' },
          appId: '6',
          before: { a: 1 },
          after: { a: 2 },
        },
      ],
    ],
  },
  {
    sql: `UPDATE statistics SET deliveries_timed = 1, delivery_ms = 2, delivery_peak_ms = 1.5, loop_lag_peak_ms = 3, memory_bytes = 9
      WHERE app_id = '6';`,
    read: ({ statistics }) => statistics.lastValues('6', 1000)?.slice(-3),
    as: [1.5, 3, 9],
  },
  {
    sql: `UPDATE apps SET tls_only = 1 WHERE id = '6';`,
    read: ({ app }) => app('6'),
    as: { tlsOnly: true },
  },
  {
    sql: `UPDATE webhook_lanes SET paused_at = 20 WHERE id = 8;
      UPDATE webhook_salt SET salt = 'salt';`,
    read: ({ outbox }) => [
      outbox.pausedAt({ appId: '6', endpoint: 'http://b/' }),
      outbox.publicIdOf({ appId: '6', endpoint: 'http://b/' }),
    ],
    as: [20, createHmac('sha256', 'salt').update('6 http://b/').digest('hex').slice(0, 16)],
  },
  {
    sql: `INSERT INTO webhook_streams VALUES ('default/3', 'life 1-0');`,
    read: ({ outbox }) => outbox.lastOf('default/3'),
    as: 'life 1-0',
  },
  {
    sql: `UPDATE mirror SET life = 'l', rev = 7;
      INSERT INTO set_aside VALUES (20, 'app', '9', '{}');
      INSERT INTO audit_pending (once, entry) VALUES ('once', '{"at":20}');`,
    read: ({ mirror }) => [mirror.state(), mirror.pendingRows(9)],
    as: [{ origin: '', life: expect.any(String) }, [{ once: 'once', entry: { at: 20 } }]],
  },
]
