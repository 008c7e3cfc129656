/** A database that can't be used is one clear line; one that can keeps what was written. */
import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config'
import { resolveCredentials } from '../../src/credentials'
import { appStore } from '../../src/store/apps'
import { MIGRATIONS } from '../../src/store/migrations'
import { openDatabase } from '../../src/store/sqlite'

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'carillon-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

describe('opening', () => {
  test('makes the folder, and the tables once', () => {
    using dir = folder()
    const path = join(dir.path, 'a/b/test.sqlite')
    openDatabase(path).close()
    const db = openDatabase(path)
    expect(db.query('PRAGMA user_version').get()).toEqual({ user_version: MIGRATIONS.length })
    expect(db.query('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    db.close()
  })

  test('a newer file is left alone', () => {
    using dir = folder()
    const path = join(dir.path, 'test.sqlite')
    const db = new Database(path)
    db.run('PRAGMA user_version = 999')
    db.close()
    expect(() => openDatabase(path)).toThrow(
      `database ${path}: written by a newer version (schema 999; this one knows ${MIGRATIONS.length})`,
    )
  })

  test('a file that is no database is said to be none', () => {
    using dir = folder()
    const path = join(dir.path, 'test.sqlite')
    writeFileSync(path, 'hello, this is not a database at all, it is a text file of some length')
    expect(() => openDatabase(path)).toThrow(
      `database ${path}: is not a SQLite database, or is corrupt`,
    )
  })

  test('a folder in the place of the file', () => {
    using dir = folder()
    expect(() => openDatabase(dir.path)).toThrow(`database ${dir.path}: cannot be opened`)
  })

  test('a file in the place of the folder', () => {
    using dir = folder()
    writeFileSync(join(dir.path, 'file'), '')
    expect(() => openDatabase(join(dir.path, 'file/x/test.sqlite'))).toThrow(
      /its folder cannot be created/,
    )
  })

  test('a full disk', () => {
    expect(() => openDatabase('/dev/full')).toThrow(/^database \/dev\/full: /)
  })

  test('a place that may not be written', () => {
    expect(() => openDatabase('/proc/carillon.sqlite')).toThrow(
      'database /proc/carillon.sqlite: cannot be opened',
    )
  })
})

describe('credentials', () => {
  const PUBLIC = readConfig({ HOST: '0.0.0.0' })

  test('on loopback are the published ones, and nothing is stored', () => {
    const store = appStore(openDatabase(':memory:'))
    const { app, admin } = resolveCredentials(readConfig({}), store, 0)
    expect(app).toMatchObject({
      id: '1',
      key: 'test-app-fake-key',
      secret: 'test-app-fake-secret',
      origin: 'development',
    })
    expect(admin).toMatchObject({
      username: 'pusher_admin_username',
      password: 'pusher_admin_password',
      origin: 'development',
    })
    expect(store.all()).toEqual([])
  })

  test('anywhere else are generated at the first start, shown once, and kept', () => {
    const store = appStore(openDatabase(':memory:'))
    const first = resolveCredentials(PUBLIC, store, 0)
    expect(first.app.origin).toBe('generated')
    expect(first.app.id).toMatch(/^\d{9}$/)
    expect([first.app.key.length, first.app.secret.length, first.admin.password.length]).toEqual([
      36, 36, 36,
    ])
    const second = resolveCredentials(PUBLIC, store, 1)
    expect(second.app).toEqual({ ...first.app, origin: 'stored' })
    expect(second.admin).toEqual({ ...first.admin, password: '', origin: 'stored' })
    expect(second.provided).not.toContainEqual(
      expect.objectContaining({ key: 'test-app-fake-key' }),
    )
  })

  test('of the settings win, and are never shown', () => {
    const store = appStore(openDatabase(':memory:'))
    const env = {
      PUSHER_APP_ID: '7',
      PUSHER_APP_KEY: 'k',
      PUSHER_APP_SECRET: 's',
      PUSHER_ADMIN_USERNAME: 'me',
      PUSHER_ADMIN_PASSWORD: 'p',
    }
    for (const HOST of ['127.0.0.1', '0.0.0.0']) {
      const { app, provided, admin } = resolveCredentials(readConfig({ ...env, HOST }), store, 0)
      expect(app).toMatchObject({ id: '7', key: 'k', secret: 's', origin: 'settings' })
      expect(provided).toHaveLength(1)
      expect(admin).toMatchObject({ username: 'me', password: '', origin: 'settings' })
    }
  })
})
