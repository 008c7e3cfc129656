/**
 * MIGRATIONS: append-only; the database's `user_version` counts how many were applied. Never edit an entry that was
 * released. A new one needs a row in `test/store/written.ts`: what a file of its version has written.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE apps (
     id            TEXT PRIMARY KEY,
     name          TEXT NOT NULL,
     slug          TEXT NOT NULL UNIQUE,
     key           TEXT NOT NULL UNIQUE,
     secret        TEXT NOT NULL,
     active        INTEGER NOT NULL DEFAULT 1,
     client_events INTEGER NOT NULL DEFAULT 1,
     created_at    INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE admins (
     username        TEXT PRIMARY KEY,
     password_sha256 TEXT NOT NULL,
     created_at      INTEGER NOT NULL
   ) STRICT;`,
  `CREATE TABLE app_keys (
     app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
     key        TEXT NOT NULL UNIQUE,
     secret     TEXT NOT NULL,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE apps_2 (
     id                   TEXT PRIMARY KEY,
     name                 TEXT NOT NULL UNIQUE,
     slug                 TEXT NOT NULL UNIQUE,
     active               INTEGER NOT NULL,
     client_events        INTEGER NOT NULL,
     public_client_events INTEGER NOT NULL DEFAULT 0,
     subscription_counts  INTEGER NOT NULL DEFAULT 0,
     hosts                TEXT NOT NULL DEFAULT '[]',
     webhooks             TEXT NOT NULL DEFAULT '[]',
     limits               TEXT NOT NULL DEFAULT '{}',
     created_at           INTEGER NOT NULL
   ) STRICT;
   INSERT INTO apps_2 (id, name, slug, active, client_events, created_at)
     SELECT id, name, slug, active, client_events, created_at FROM apps;
   CREATE TEMP TABLE pairs AS SELECT id, key, secret, created_at FROM apps;
   DROP TABLE apps;
   ALTER TABLE apps_2 RENAME TO apps;
   INSERT INTO app_keys (app_id, key, secret, created_at) SELECT id, key, secret, created_at FROM pairs;
   DROP TABLE pairs;`,
  `CREATE TABLE plugin_values (
     plugin     TEXT NOT NULL,
     key        TEXT NOT NULL,
     value      TEXT NOT NULL,
     expires_at INTEGER,
     PRIMARY KEY (plugin, key)
   ) STRICT, WITHOUT ROWID;`,
  // Apps without keys were the changed settings of provided apps.
  `CREATE TABLE app_overrides (
     app_id     TEXT PRIMARY KEY,
     changes    TEXT NOT NULL,
     changed_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   INSERT INTO app_overrides (app_id, changes, changed_at)
     SELECT id,
            json_object(
              'name', name,
              'slug', slug,
              'active', json(iif(active, 'true', 'false')),
              'clientEvents', json(iif(client_events, 'true', 'false')),
              'publicClientEvents', json(iif(public_client_events, 'true', 'false')),
              'subscriptionCounts', json(iif(subscription_counts, 'true', 'false')),
              'hosts', json(hosts),
              'webhooks', json(webhooks),
              'limits', json(limits)),
            created_at
       FROM apps WHERE id NOT IN (SELECT app_id FROM app_keys);
   DELETE FROM apps WHERE id NOT IN (SELECT app_id FROM app_keys);`,
  `CREATE TABLE webhook_lanes (
     id       INTEGER PRIMARY KEY,
     app_id   TEXT NOT NULL,
     endpoint TEXT NOT NULL,
     UNIQUE (app_id, endpoint)
   ) STRICT;
   CREATE TABLE webhook_outbox (
     id       INTEGER PRIMARY KEY AUTOINCREMENT,
     lane     INTEGER NOT NULL,
     channel  TEXT NOT NULL,
     event    TEXT NOT NULL,
     time_ms  INTEGER NOT NULL,
     due_at   INTEGER NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     status   INTEGER,
     error    TEXT,
     dead_at  INTEGER
   ) STRICT;
   CREATE INDEX webhook_outbox_alive ON webhook_outbox (lane, id) WHERE dead_at IS NULL;
   CREATE INDEX webhook_outbox_tried ON webhook_outbox (lane, due_at)
     WHERE dead_at IS NULL AND attempts > 0;
   CREATE INDEX webhook_outbox_dead ON webhook_outbox (lane, id) WHERE dead_at IS NOT NULL;
   CREATE TABLE webhook_announced (
     app_id  TEXT NOT NULL,
     channel TEXT NOT NULL,
     user_id TEXT NOT NULL,
     PRIMARY KEY (app_id, channel, user_id)
   ) STRICT, WITHOUT ROWID;`,
  'ALTER TABLE apps ADD COLUMN epl_bridge INTEGER NOT NULL DEFAULT 0;',
  `CREATE TABLE webhook_attempts (
     lane        INTEGER NOT NULL,
     number      INTEGER NOT NULL,
     at          INTEGER NOT NULL,
     duration_ms INTEGER NOT NULL,
     events      INTEGER NOT NULL,
     status      INTEGER,
     error       TEXT,
     PRIMARY KEY (lane, number)
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE app_overrides ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
   UPDATE app_overrides SET seen_at = changed_at;`,
  // With ROWIDs: without them a large value stands in the tree itself, and every look-up walks over it.
  `CREATE TABLE plugin_values_2 (
     plugin     TEXT NOT NULL,
     key        TEXT NOT NULL,
     value      TEXT NOT NULL,
     expires_at INTEGER,
     PRIMARY KEY (plugin, key)
   ) STRICT;
   INSERT INTO plugin_values_2 SELECT plugin, key, value, expires_at FROM plugin_values;
   DROP TABLE plugin_values;
   ALTER TABLE plugin_values_2 RENAME TO plugin_values;
   CREATE INDEX plugin_values_expiring ON plugin_values (plugin, expires_at)
     WHERE expires_at IS NOT NULL;
   CREATE INDEX app_keys_app ON app_keys (app_id);`,
  // Kept numbers: counting a million rows took half a second. `untold` is set while nobody was told.
  `ALTER TABLE webhook_lanes ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE webhook_lanes ADD COLUMN failing INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE webhook_lanes ADD COLUMN dead INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE webhook_outbox ADD COLUMN untold TEXT;
   CREATE INDEX webhook_outbox_untold ON webhook_outbox (lane, channel) WHERE untold IS NOT NULL;
   UPDATE webhook_lanes SET
     pending = (SELECT COUNT(*) FROM webhook_outbox WHERE lane = webhook_lanes.id AND dead_at IS NULL),
     failing = (SELECT COUNT(*) FROM webhook_outbox
                 WHERE lane = webhook_lanes.id AND dead_at IS NULL AND attempts > 0),
     dead = (SELECT COUNT(*) FROM webhook_outbox
              WHERE lane = webhook_lanes.id AND dead_at IS NOT NULL);
   CREATE TRIGGER webhook_outbox_added AFTER INSERT ON webhook_outbox BEGIN
     UPDATE webhook_lanes SET
       pending = pending + (NEW.dead_at IS NULL),
       failing = failing + (NEW.dead_at IS NULL AND NEW.attempts > 0),
       dead = dead + (NEW.dead_at IS NOT NULL)
      WHERE id = NEW.lane;
   END;
   CREATE TRIGGER webhook_outbox_removed AFTER DELETE ON webhook_outbox BEGIN
     UPDATE webhook_lanes SET
       pending = pending - (OLD.dead_at IS NULL),
       failing = failing - (OLD.dead_at IS NULL AND OLD.attempts > 0),
       dead = dead - (OLD.dead_at IS NOT NULL)
      WHERE id = OLD.lane;
   END;
   CREATE TRIGGER webhook_outbox_changed AFTER UPDATE OF dead_at, attempts ON webhook_outbox
     WHEN (OLD.dead_at IS NULL) <> (NEW.dead_at IS NULL) OR (OLD.attempts > 0) <> (NEW.attempts > 0)
   BEGIN
     UPDATE webhook_lanes SET
       pending = pending + (NEW.dead_at IS NULL) - (OLD.dead_at IS NULL),
       failing = failing + (NEW.dead_at IS NULL AND NEW.attempts > 0)
                         - (OLD.dead_at IS NULL AND OLD.attempts > 0),
       dead = dead + (NEW.dead_at IS NOT NULL) - (OLD.dead_at IS NOT NULL)
      WHERE id = NEW.lane;
   END;`,
  "ALTER TABLE apps ADD COLUMN plugins TEXT NOT NULL DEFAULT '{}';",
  "ALTER TABLE apps ADD COLUMN history TEXT NOT NULL DEFAULT '[]';",
  `CREATE TABLE history_streams (
     id       INTEGER PRIMARY KEY,
     app_id   TEXT NOT NULL,
     channel  TEXT NOT NULL,
     epoch    TEXT NOT NULL,
     reserved INTEGER NOT NULL,
     closed   INTEGER NOT NULL,
     UNIQUE (app_id, channel)
   ) STRICT;
   CREATE TABLE history_events (
     stream    INTEGER NOT NULL,
     offset    INTEGER NOT NULL,
     name      TEXT NOT NULL,
     data      TEXT NOT NULL,
     except_id TEXT,
     at        INTEGER NOT NULL,
     PRIMARY KEY (stream, offset)
   ) STRICT;`,
  // In the order of all events, by a number of their own: an index by stream took as much again.
  `CREATE TABLE history_events_2 (
     id        INTEGER PRIMARY KEY,
     stream    INTEGER NOT NULL,
     offset    INTEGER NOT NULL,
     name      TEXT NOT NULL,
     data      TEXT NOT NULL,
     except_id TEXT,
     at        INTEGER NOT NULL,
     key       TEXT,
     request   TEXT
   ) STRICT;
   INSERT INTO history_events_2 (stream, offset, name, data, except_id, at)
     SELECT stream, offset, name, data, except_id, at FROM history_events ORDER BY stream, offset;
   DROP TABLE history_events;
   ALTER TABLE history_events_2 RENAME TO history_events;`,
  // The server's rows have no app; those of apps are counted as they come and go.
  `CREATE TABLE statistics (
     app_id                    TEXT NOT NULL,
     step                      INTEGER NOT NULL,
     at                        INTEGER NOT NULL,
     connections               INTEGER NOT NULL,
     connections_peak          INTEGER NOT NULL,
     channels                  INTEGER NOT NULL,
     subscriptions             INTEGER NOT NULL,
     users                     INTEGER NOT NULL,
     members                   INTEGER NOT NULL,
     connections_accepted      INTEGER NOT NULL,
     connections_refused       INTEGER NOT NULL,
     subscriptions_accepted    INTEGER NOT NULL,
     publications              INTEGER NOT NULL,
     client_events             INTEGER NOT NULL,
     client_events_limited     INTEGER NOT NULL,
     deliveries                INTEGER NOT NULL,
     messages_received         INTEGER NOT NULL,
     bytes_received            INTEGER NOT NULL,
     requests_accepted         INTEGER NOT NULL,
     body_bytes_received       INTEGER NOT NULL,
     messages_sent             INTEGER NOT NULL,
     bytes_sent                INTEGER NOT NULL,
     refusals                  INTEGER NOT NULL,
     slow_readers_closed       INTEGER NOT NULL,
     frames_queued             INTEGER NOT NULL,
     fan_out_lag_ms            REAL NOT NULL,
     fan_out_lag_peak_ms       REAL NOT NULL,
     history_hits              INTEGER NOT NULL,
     history_misses            INTEGER NOT NULL,
     cache_hits                INTEGER NOT NULL,
     cache_misses              INTEGER NOT NULL,
     webhook_events            INTEGER NOT NULL,
     webhook_events_delivered  INTEGER NOT NULL,
     webhook_events_dead       INTEGER NOT NULL,
     webhook_events_dropped    INTEGER NOT NULL,
     webhook_events_pending    INTEGER NOT NULL,
     webhook_oldest_pending_ms REAL NOT NULL,
     webhook_requests          INTEGER NOT NULL,
     webhook_requests_failed   INTEGER NOT NULL,
     faults                    INTEGER NOT NULL,
     UNIQUE (app_id, step, at)
   ) STRICT;
   CREATE INDEX statistics_of_apps ON statistics (step, at) WHERE app_id <> '';
   CREATE TABLE statistics_labels (
     app_id TEXT NOT NULL,
     step   INTEGER NOT NULL,
     at     INTEGER NOT NULL,
     tally  TEXT NOT NULL,
     label  TEXT NOT NULL,
     count  INTEGER NOT NULL,
     PRIMARY KEY (app_id, step, at, tally, label)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE statistics_rows (
     step INTEGER PRIMARY KEY,
     rows INTEGER NOT NULL
   ) STRICT;
   INSERT INTO statistics_rows (step, rows) VALUES (10, 0), (60, 0), (3600, 0);
   CREATE TRIGGER statistics_added AFTER INSERT ON statistics WHEN NEW.app_id <> '' BEGIN
     UPDATE statistics_rows SET rows = rows + 1 WHERE step = NEW.step;
   END;
   CREATE TRIGGER statistics_removed AFTER DELETE ON statistics BEGIN
     DELETE FROM statistics_labels WHERE app_id = OLD.app_id AND step = OLD.step AND at = OLD.at;
     UPDATE statistics_rows SET rows = rows - 1 WHERE step = OLD.step AND OLD.app_id <> '';
   END;`,
  // Texts of changes stand last: pages of the audit are found without them.
  `CREATE TABLE admin_tokens (
     id           TEXT PRIMARY KEY,
     name         TEXT NOT NULL,
     scope        TEXT NOT NULL,
     hash         TEXT NOT NULL UNIQUE,
     created_at   INTEGER NOT NULL,
     created_by   TEXT NOT NULL,
     expires_at   INTEGER,
     revoked_at   INTEGER,
     last_used_at INTEGER
   ) STRICT;
   ALTER TABLE apps ADD COLUMN created_by TEXT;
   CREATE TABLE audit (
     id         INTEGER PRIMARY KEY AUTOINCREMENT,
     at         INTEGER NOT NULL,
     action     TEXT NOT NULL,
     by_kind    TEXT NOT NULL,
     by_id      TEXT,
     by_name    TEXT NOT NULL,
     address    TEXT NOT NULL,
     request_id TEXT,
     app_id     TEXT,
     target     TEXT,
     before     TEXT,
     after      TEXT
   ) STRICT;
   CREATE INDEX audit_app ON audit (app_id, id) WHERE app_id IS NOT NULL;
   CREATE INDEX audit_app_deleted ON audit (app_id, id) WHERE action = 'app.deleted';`,
  // Of the server; rows of apps have 0.
  `ALTER TABLE statistics ADD COLUMN deliveries_timed INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE statistics ADD COLUMN delivery_ms REAL NOT NULL DEFAULT 0;
   ALTER TABLE statistics ADD COLUMN delivery_peak_ms REAL NOT NULL DEFAULT 0;
   ALTER TABLE statistics ADD COLUMN loop_lag_peak_ms REAL NOT NULL DEFAULT 0;
   ALTER TABLE statistics ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;`,
  'ALTER TABLE apps ADD COLUMN tls_only INTEGER NOT NULL DEFAULT 0;',
  // The salt makes ids of endpoints from their URLs, which may have secrets that an id must not give away.
  `ALTER TABLE webhook_lanes ADD COLUMN paused_at INTEGER;
   CREATE TABLE webhook_salt (salt TEXT NOT NULL) STRICT;
   INSERT INTO webhook_salt VALUES (hex(randomblob(16)));`,
  // Of facts that several servers have in common: what of them is in the outbox.
  'CREATE TABLE webhook_streams (stream TEXT PRIMARY KEY, last TEXT NOT NULL) STRICT, WITHOUT ROWID;',
  // What of the table of N nodes is here; what it has otherwise; rows of the audit that wait for it.
  `CREATE TABLE mirror (origin TEXT NOT NULL, life TEXT NOT NULL, rev INTEGER NOT NULL) STRICT;
   INSERT INTO mirror VALUES ('', '', 0);
   CREATE TABLE set_aside (
     at    INTEGER NOT NULL,
     kind  TEXT NOT NULL,
     id    TEXT NOT NULL,
     value TEXT NOT NULL
   ) STRICT;
   CREATE TABLE audit_pending (
     id    INTEGER PRIMARY KEY AUTOINCREMENT,
     once  TEXT NOT NULL,
     entry TEXT NOT NULL
   ) STRICT;`,
]
