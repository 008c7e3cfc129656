/**
 * MIGRATIONS: append-only; the database's `user_version` counts how many were applied.
 * Never edit an entry that was released.
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
]
