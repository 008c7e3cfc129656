/** A database that can't be used is one clear line; one that can keeps what was written. */
import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import {
  mkdirSync,
  mkdtempSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config/config'
import { NEW_APP } from '../../src/core/app'
import { providedApps, resolveCredentials } from '../../src/config/credentials'
import { appStore } from '../../src/store/apps'
import { StoreError } from '../../src/store/errors'
import { lockDatabase } from '../../src/store/files'
import { MIGRATIONS } from '../../src/store/migrations'
import { openDatabase } from '../../src/store/sqlite'
import { start } from '../harness'

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

  test.each([
    ['a folder', tmpdir(), 'a folder'],
    ['a device', '/dev/null', 'no file'],
    ['a device that is full', '/dev/full', 'no file'],
  ])('%s in the place of the file', (_, path, what) => {
    const line = `database ${path}: cannot be opened (it is ${what})`
    for (const use of [openDatabase, (at: string) => lockDatabase(at, 0)])
      expect(() => use(path)).toThrow(new StoreError(line))
  })

  test('the file of the lock, which is named', () => {
    using dir = folder()
    const path = join(dir.path, 'test.sqlite')
    mkdirSync(`${path}.lock`)
    expect(() => lockDatabase(path, 0)).toThrow(`database ${path}.lock: cannot be opened`)
    rmdirSync(`${path}.lock`)
    symlinkSync('/none', `${path}.lock`)
    expect(() => lockDatabase(path, 0)).toThrow(`database ${path}.lock: cannot be opened`)
  })

  test('a file in the place of the folder', () => {
    using dir = folder()
    writeFileSync(join(dir.path, 'file'), '')
    expect(() => openDatabase(join(dir.path, 'file/x/test.sqlite'))).toThrow(
      /its folder cannot be created/,
    )
  })

  test('a place that may not be written', () => {
    expect(() => openDatabase('/proc/carillon.sqlite')).toThrow(
      'database /proc/carillon.sqlite: cannot be opened',
    )
  })
})

describe('credentials', () => {
  test('on loopback are the published ones, and nothing is stored', () => {
    const store = appStore(openDatabase(':memory:'))
    const { app, admin } = resolveCredentials(readConfig({}), store)
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

  test('anywhere else are made up, stored once the server listens, and kept', async () => {
    using dir = folder()
    const config = { host: '0.0.0.0', databasePath: join(dir.path, 'test.sqlite') }
    const first = await start({ config })
    const { app, admin } = first.server.credentials
    expect(app.origin).toBe('generated')
    expect(app.id).toMatch(/^\d{9}$/)
    expect([app.key.length, app.secret.length, admin.password.length]).toEqual([36, 36, 36])
    expect(first.core.apps.byKey('test-app-fake-key')).toBeUndefined()
    expect(() => start({ config: { ...config, port: first.port } })).toThrow('in use')
    await first.server.stop()
    await using second = await start({ config })
    expect(second.server.credentials.app).toEqual({ ...app, origin: 'stored' })
    expect(second.server.credentials.admin).toEqual({ ...admin, password: '', origin: 'stored' })
  })

  test('a start that fails stores nothing', async () => {
    using dir = folder()
    await using other = await start()
    const config = {
      host: '0.0.0.0',
      port: other.port,
      databasePath: join(dir.path, 'test.sqlite'),
    }
    await expect(start({ config })).rejects.toThrow('in use')
    const store = appStore(openDatabase(config.databasePath))
    expect([store.all(), store.admin()]).toEqual([[], undefined])
  })

  test('of the settings replace a stored app of the same id or key altogether', async () => {
    using dir = folder()
    const databasePath = join(dir.path, 'test.sqlite')
    const store = appStore(openDatabase(databasePath))
    const stored = {
      ...NEW_APP,
      id: '5',
      name: 'stored',
      slug: 'stored',
      keys: [{ key: 'k5', secret: 's5' }],
    }
    store.insert(stored, 0)
    for (const [appId, appKey] of [
      ['5', 'new-key'],
      ['6', 'k5'],
    ] as const) {
      await using server = await start({
        config: { databasePath, appId, appKey, appSecret: 'new-secret' },
      })
      const { apps } = server.core
      expect([...apps.all()].map(({ id, keys }) => [id, keys.map(({ key }) => key)])).toEqual([
        [appId, [appKey]],
      ] as never)
      expect(apps.byKey(appKey)).toBe(apps.byId(appId)!)
      expect(apps.byKey(appKey === 'k5' ? 'new-key' : 'k5')).toBeUndefined()
    }
  })

  test('the file is for this user only', () => {
    using dir = folder()
    const path = join(dir.path, 'test.sqlite')
    openDatabase(path).close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
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
      const config = readConfig({ ...env, HOST })
      const { app, admin } = resolveCredentials(config, store)
      expect(app).toMatchObject({ id: '7', key: 'k', secret: 's', origin: 'settings' })
      expect(providedApps(config)).toHaveLength(1)
      expect(admin).toMatchObject({ username: 'me', password: '', origin: 'settings' })
    }
  })
})
