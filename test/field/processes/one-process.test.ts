/** A database is one process's: the second is refused or waits, and whatever ends the first lets it in. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../../src/config/config'
import { ManualClock, MemoryLog } from '../../../kit/clock'
import { claimDatabase } from '../../../src/standby'
import { openDatabase } from '../../../src/store/sqlite'
import { nextLook, start, type TestServer } from '../../harness'
import { findFreePort } from '../../../bench/lib/processes'
import { Executable } from '../../built'
import { Program } from '../../program'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const file = (): string => join(folder, `${files++}.sqlite`)
const refusalOf = (path: string): string =>
  `carillon: database ${path}: is in use by another process (CARILLON_WAIT_FOR_DATABASE_SECONDS waits for its end)\n`

describe('a second process', () => {
  test('is refused in one line, through a link too; kill -9 of the first lets it in', async () => {
    const path = file()
    const link = file()
    await using first = new Executable({ DATABASE_PATH: path })
    await first.waitUntilListening()
    symlinkSync(path, link)
    for (const DATABASE_PATH of [path, link]) {
      await using second = new Executable({ DATABASE_PATH })
      expect(await second.waitForExit()).toBe(1)
      expect(await second.errors).toBe(refusalOf(DATABASE_PATH))
    }
    using reader = new Database(path, { readonly: true })
    expect(reader.query('SELECT COUNT(*) AS n FROM apps').get()).toEqual({ n: 0 })
    reader.run(`VACUUM INTO '${join(folder, 'backup.sqlite')}'`)
    first.process.kill('SIGKILL')
    await first.process.exited
    await using third = new Executable({ DATABASE_PATH: link })
    await third.waitUntilListening()
  })

  test('that starts at the same moment: exactly one of three listens', async () => {
    const env = { DATABASE_PATH: file() }
    await using stack = new AsyncDisposableStack()
    const programs = [1, 2, 3].map(() => stack.use(new Executable(env)))
    const fates = await Promise.all(
      programs.map((program) =>
        program.waitUntilListening().then(
          () => 'listens',
          () => program.waitForExit(),
        ),
      ),
    )
    expect(fates.map(String).toSorted()).toEqual(['1', '1', 'listens'])
  })

  test('waits where it is told to, alive and not ready, and listens when the first has left', async () => {
    const [path, port] = [file(), findFreePort()]
    await using first = new Executable({ DATABASE_PATH: path })
    await first.waitUntilListening()
    await using second = new Executable({
      DATABASE_PATH: path,
      PORT: String(port),
      CARILLON_WAIT_FOR_DATABASE_SECONDS: '30',
    })
    const request = async (route: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${route}`).catch(() => undefined)
      return answer && [answer.status, await answer.json()]
    }
    while ((await request('/up')) === undefined) await nextLook()
    expect(await request('/up')).toEqual([200, { health: 'OK' }])
    for (const route of ['/ready', '/apps/1/events'])
      expect(await request(route)).toEqual([
        503,
        { ready: false, reason: 'another process uses the database' },
      ])
    first.process.kill('SIGTERM')
    expect(await first.waitForExit()).toBe(0)
    expect(await second.waitUntilListening()).toBe(port)
    expect(await request('/ready')).toEqual([200, { ready: true }])
  })

  test('that waits gives up when its time is over, and when it is told to', async () => {
    const databasePath = file()
    await using first = await start({ config: { databasePath } })
    // The port is taken, too: nobody can be answered.
    const env = { DATABASE_PATH: databasePath, PORT: String(first.port) }
    const config = readConfig({ ...env, CARILLON_WAIT_FOR_DATABASE_SECONDS: '5' })
    for (const isNotified of [false, true]) {
      const [clock, log, givingUp] = [new ManualClock(0), new MemoryLog(), new AbortController()]
      const claim = claimDatabase({ config, clock, log, givenUp: givingUp.signal })
      let isOver = false
      claim.catch(() => (isOver = true))
      if (isNotified) givingUp.abort()
      for (let waited = 0; !isOver; waited += 50) {
        expect(waited).toBeLessThanOrEqual(isNotified ? 300 : 5250)
        clock.advance(50)
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      await expect(claim).rejects.toThrow(
        `database ${databasePath}: is in use by another process (CARILLON_WAIT_FOR_DATABASE_SECONDS=5 was not enough)`,
      )
      expect(log.lines).toMatchObject([{ level: 'warn', fields: { seconds: 5, at: [] } }])
    }
  })

  test('is none where a watcher starts the same one again', async () => {
    const config = join(folder, 'watched.ts')
    const write = (key: string): void =>
      writeFileSync(config, `export default { apps: [{ id: '8', key: '${key}', secret: 's' }] }`)
    write('before')
    const env = { DATABASE_PATH: file(), CARILLON_CONFIG: config }
    const command = [process.execPath, '--watch', '--no-clear-screen', 'src/index.ts']
    await using program = new Program(env, { command })
    await program.waitForText('/app/before')
    write('after')
    await program.waitForText('/app/after')
  })

  test('may be a second server of this one: refused as well, and let in after the stop', async () => {
    const config = { databasePath: file() }
    const first = await start({ config })
    expect(start({ config })).rejects.toThrow('is in use by another process')
    expect(start({ config })).rejects.toThrow('is in use by another process')
    await first.stop()
    await using second = await start({ config })
    await using memory = await start()
    expect([second.port, memory.port]).not.toContain(0)
  })
})

describe('files that every user could read', () => {
  test('are made private and told of; a group keeps its rights', async () => {
    const [open, shared] = [file(), file()]
    for (const [path, mode] of [
      [open, 0o644],
      [shared, 0o640],
    ] as const) {
      openDatabase(path).close()
      chmodSync(path, mode)
      await using server = await start({ config: { databasePath: path } })
      const modes = ['', '-wal', '.lock'].map((ending) => statSync(`${path}${ending}`).mode & 0o777)
      const group = path === shared ? 0o640 : 0o600
      expect(modes).toEqual([group, group, 0o600])
      const warnings = server.log.lines.filter(({ level }) => level === 'warn')
      const expected = [{ fields: { mode: '644', path } }]
      expect(warnings).toMatchObject(path === open ? expected : [])
    }
  })
})

describe('a database file that goes away under the server', () => {
  const readiness = async (server: TestServer) => (await server.http('/ready')).json()

  test.each(['', '-wal', '.lock'])(
    '(%p) is said once, and red until it is back',
    async (ending) => {
      const databasePath = file()
      await using server = await start({ config: { databasePath } })
      server.advance(5000)
      expect(await readiness(server)).toEqual({ ready: true })
      renameSync(`${databasePath}${ending}`, `${databasePath}.away`)
      for (const isOther of [false, true]) {
        if (isOther) writeFileSync(`${databasePath}${ending}`, '') // in its place, but another
        server.advance(5000)
        expect(await readiness(server)).toEqual({
          ready: false,
          reason:
            'database: its file was deleted or replaced; what is written now ends with this process',
        })
      }
      const errors = server.log.lines.filter(({ level }) => level === 'error')
      expect(errors.map(({ fields }) => fields)).toEqual([{ path: databasePath }])
      renameSync(`${databasePath}.away`, `${databasePath}${ending}`)
      server.advance(5000)
      expect(await readiness(server)).toEqual({ ready: true })
    },
  )
})
