/** Takeovers of whole programs: what goes wrong at each step, and who serves then. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { chownSync, existsSync, lstatSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort } from '../../../bench/lib/processes'
import { waitUntil } from '../../harness'
import { Executable } from '../../built'
import { Program } from '../../program'
import { Place } from './takeovers'

/** Between two requests: as fast as it can it would take a CPU from those that start. */
const PAUSE_MS = 5

/** Publishes all the time; the statuses of its requests are kept. */
class Publisher {
  answered = 0
  readonly failures: unknown[] = []
  #isOver = false
  readonly #running: Promise<void>

  constructor(readonly place: Place) {
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.place.trigger(this.answered).then(
        () => this.answered++,
        (cause: unknown) => this.failures.push(cause),
      )
      await Bun.sleep(PAUSE_MS)
    }
  }

  /** How many were accepted; none was not. */
  async stop(): Promise<number> {
    this.#isOver = true
    await this.#running
    expect(this.failures).toEqual([])
    return this.answered
  }
}

/** A server that would share its port with anybody, as this one does. */
const other = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  reusePort: true,
  fetch: () => new Response(),
})
afterAll(() => other.stop(true))

/** What ends a takeover before the new process serves, and what that one prints. */
const FAILURES: readonly {
  readonly name: string
  readonly env?: Record<string, string>
  /** Called once the new process is in its start, where it is held there. */
  readonly act?: (next: Executable, place: Place) => unknown
  readonly holds?: 'hold' | 'fail'
  /** Changes the database before the takeover; returns what undoes it. */
  readonly prepare?: (place: Place) => () => void
  readonly says: RegExp
}[] = [
  { name: 'a bad setting', env: { CARILLON_DRAIN_SECONDS: 'x' }, says: /CARILLON_DRAIN_SECONDS/ },
  { name: 'no such configuration', env: { CARILLON_CONFIG: '/none.ts' }, says: /none\.ts/ },
  { name: 'a port that changes', env: { PORT: '0' }, says: /PORT=0 is another port each time/ },
  { name: 'no file', env: { DATABASE_PATH: ':memory:' }, says: /the database is in memory/ },
  { name: 'an address of another machine', env: { HOST: '192.0.2.1' }, says: /192\.0\.2\.1/ },
  {
    name: 'a port of another server',
    env: { PORT: String(other.port) },
    says: /is in use by another/,
  },
  { name: 'a plugin that fails', holds: 'fail', says: /it cannot start/ },
  {
    name: 'a database of a newer version',
    prepare: (place) => {
      const db = new Database(place.path('db.sqlite'))
      db.run('PRAGMA busy_timeout = 5000')
      const version = Object.values(db.query('PRAGMA user_version').get() as object)[0]
      db.run('PRAGMA user_version = 9999')
      return () => {
        db.run(`PRAGMA user_version = ${version}`)
        db.close()
      }
    },
    says: /written by a newer version/,
  },
  { name: 'kill -9', holds: 'hold', act: (next) => next.process.kill('SIGKILL'), says: /^$/ },
  { name: 'SIGTERM', holds: 'hold', act: (next) => next.process.kill('SIGTERM'), says: /"left"/ },
]

describe('a takeover that fails', () => {
  test('leaves the old process, its sockets and its stored events as they are', async () => {
    using place = new Place(findFreePort())
    await using old = await place.start()
    await place.keepAll()
    await using client = await place.connect()
    const publisher = new Publisher(place)
    for (const { name, env, act, holds, prepare, says } of FAILURES) {
      const undo = prepare?.(place)
      using held = holds && place.hold(holds)
      await using next = place.takeOver(env)
      if (act) {
        await place.waitUntilHeld()
        await act(next, place)
      }
      const code = await next.waitForExit()
      undo?.()
      held?.[Symbol.dispose]()
      expect({ name, errors: await next.errors }).toEqual({
        name,
        errors: expect.stringMatching(says) as string,
      })
      expect(code).toBe(name === 'SIGTERM' ? 0 : name === 'kill -9' ? 137 : 1)
      const before = publisher.answered
      await waitUntil('events go on', () => publisher.answered > before + 3)
    }
    const published = await publisher.stop()
    expect(old.process.exitCode).toBeNull()
    const offsets: number[] = []
    while (offsets.length < published) offsets.push(JSON.parse(await client.next()).offset)
    expect(offsets).toEqual(Array.from({ length: published }, (_, index) => index + 1))
    const { takeovers_failed: failed, takeovers } = await place.metrics()
    expect({ failed, takeovers }).toEqual({ failed: 6, takeovers: 0 })
    // And the next one succeeds.
    await using next = place.takeOver()
    await next.waitUntilListening()
    expect(await old.waitForExit()).toBe(0)
    await place.trigger(1)
  }, 120_000)
})

describe('a kill -9', () => {
  test('of the old process leaves the new one in charge, before and after it serves', async () => {
    for (const isBefore of [true, false]) {
      using place = new Place(findFreePort())
      await using old = await place.start()
      using held = place.hold('hold')
      await using next = place.takeOver()
      await place.waitUntilHeld()
      if (isBefore) old.process.kill('SIGKILL')
      held[Symbol.dispose]()
      await next.waitUntilListening()
      old.process.kill('SIGKILL')
      await place.trigger(1)
      expect(await place.metrics()).toMatchObject({ takeovers: 1 })
    }
  })

  test('of the new process ends the old one, too, once it has stopped to serve', async () => {
    using place = new Place(findFreePort())
    await using old = new Executable({ ...place.env, CARILLON_DRAIN_SECONDS: '60' })
    await old.waitUntilListening()
    await using client = await place.connect()
    await using next = place.takeOver()
    await next.waitUntilListening()
    next.process.kill('SIGKILL')
    expect(await old.waitForExit()).toBe(1)
    await client.closed
    await using third = await place.start()
    expect(third.process.exitCode).toBeNull()
  })
})

test('SIGUSR2 starts the new one, once, with .env as it is then, and the manager is told which process serves', async () => {
  using place = new Place(findFreePort())
  const told = place.path('told')
  writeFileSync(place.path('systemd-notify'), `#!/bin/sh\necho "$@" >> ${told}\n`, { mode: 0o755 })
  const PATH = `${place.folder}:${process.env['PATH']}`
  const setPassword = (password: string): void =>
    writeFileSync(
      place.path('.env'),
      `PUSHER_ADMIN_USERNAME=a\nPUSHER_ADMIN_PASSWORD=${password}\n`,
    )
  setPassword('before')
  await using old = new Program(
    { ...place.env, PATH, NOTIFY_SOCKET: '/run/none' },
    {
      cwd: place.folder,
      command: [process.execPath, join(import.meta.dir, '../../../src/index.ts')],
    },
  )
  await old.waitUntilListening()
  setPassword('after')
  using held = place.hold('hold')
  old.process.kill('SIGUSR2')
  await place.waitUntilHeld()
  old.process.kill('SIGUSR2')
  held[Symbol.dispose]()
  expect(await old.waitForExit()).toBe(0)
  await place.trigger(1)
  const asAdmin = (password: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${place.port}/api/admin/apps`, {
      headers: { authorization: `Basic ${btoa(`a:${password}`)}` },
    })
  expect((await asAdmin('before')).status).toBe(401)
  expect((await asAdmin('after')).status).toBe(200)
  const lines = (): string[] => readFileSync(told, 'utf8').trim().split('\n')
  await waitUntil('all is told', () => lines().length === 3)
  const pid = /^MAINPID=(\d+)$/m.exec(lines().join('\n'))![1]!
  expect(lines().toSorted()).toEqual(
    [
      `MAINPID=${pid}`,
      ...[pid, old.process.pid].map((each) => `READY=1 MAINPID=${each}`),
    ].toSorted(),
  )
  process.kill(Number(pid), 'SIGTERM')
  expect(await old.errors).toContain('a new process is starting already') // the end of both
})

test.skipIf(process.getuid?.() !== 0)('another user is refused, who may be root', async () => {
  using place = new Place(findFreePort())
  await using old = await place.start()
  chownSync(place.path('db.sqlite.takeover'), 65_534, 65_534)
  await using next = place.takeOver()
  expect([await next.waitForExit(), await next.errors]).toEqual([
    1,
    `carillon: takeover: the server of ${place.path('db.sqlite')} runs as another user (65534, this one is 0)\n`,
  ])
  expect(old.process.exitCode).toBeNull()
})

test('the door is open to the user of the server alone, and answers no nonsense', async () => {
  using place = new Place(findFreePort())
  await using old = await place.start()
  const door = place.path('db.sqlite.takeover')
  expect(lstatSync(door).mode & 0o777).toBe(0o600)
  for (const text of ['{"type":"ready"}', 'x', '[]', 'x'.repeat(17 * 1024 * 1024)]) {
    const socket = new WebSocket(`ws+unix://${door}:/`)
    const closed = Promise.withResolvers<number>()
    socket.addEventListener('open', () => socket.send(text))
    socket.addEventListener('close', ({ code }) => closed.resolve(code))
    expect([1002, 1006, 1009]).toContain(await closed.promise)
  }
  const answer = await fetch('http://localhost/apps/1/events', { unix: door, method: 'POST' })
  expect(answer.status).toBe(400)
  await place.trigger(1)
  // As of an older version.
  renameSync(door, `${door}.away`)
  await using next = place.takeOver()
  expect(await next.waitForExit()).toBe(1)
  expect(await next.errors).toEndWith(
    '(it has no door for a takeover: it is of an older version, or its log says why)\n',
  )
  renameSync(`${door}.away`, door)
  old.process.kill('SIGTERM')
  expect(await old.waitForExit()).toBe(0)
  expect(existsSync(door)).toBe(false)
})
