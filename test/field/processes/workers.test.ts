/** `CARILLON_WORKERS`: several processes on one port, started, kept and stopped by one parent. How they are replaced: cluster/rolling. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import Server from 'pusher'
import { findFreePort } from '../../../bench/lib/processes'
import { RawClient, waitUntil } from '../../harness'
import { Executable } from '../../built'
import { startRedis, type TestRedis } from '../../redis/redis'
import { describeWith } from '../programs'
import { APP, Place } from './takeovers'
import { Workers, workersOf } from './worker-programs'

const WORKERS = 3
const CLIENTS = 40
/** Each by a connection of its own, so that every worker publishes some. */
const EVENTS = 12

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)

describeWith('redis-server', 'workers', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.[Symbol.asyncDispose]())

  const envOf = (place: Place) => workersOf(place, redis, WORKERS)
  const connect = async (port: number): Promise<RawClient> => {
    const client = new RawClient(`ws://127.0.0.1:${port}/app/${APP.key}?protocol=7`)
    await client.hello()
    await client.subscribed('room')
    return client
  }

  test('share a port; one that is killed is started anew; all leave together', async () => {
    using place = new Place(0)
    await using program = new Workers(envOf(place))
    const { port, pids } = await program.waitUntilAllListen()
    expect(pids).toHaveLength(WORKERS)
    expect(program.text.match(/Carillon is listening/g)).toHaveLength(1)
    expect(['', '.2', '.3'].map((n) => existsSync(place.path(`db${n}.sqlite`)))).toEqual([
      true,
      true,
      true,
    ])

    const refused = new Executable({ ...place.env, DATABASE_PATH: ':memory:', PORT: String(port) })
    expect(await refused.waitForExit()).toBe(1)
    expect(await refused.errors).toContain(`127.0.0.1:${port} is in use by another process`)

    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(port)))
    const cut: RawClient[] = []
    for (const client of clients) void client.closed.then(() => cut.push(client))
    process.kill(pids[1]!, 'SIGKILL')
    expect(await program.logged('a worker has ended; it is started anew')).toMatchObject({
      worker: 2,
      signal: 'SIGKILL',
    })
    await program.logged('listening', WORKERS + 1)

    const late = await Promise.all(Array.from({ length: CLIENTS }, () => connect(port)))
    const left = [...clients.filter((client) => !cut.includes(client)), ...late]
    expect(cut.length).toBeWithin(1, CLIENTS)
    const sdk = new Server({ ...APP, host: '127.0.0.1', port: String(port) })
    for (let n = 0; n < EVENTS; n++) await sdk.trigger('room', 'e', { n })
    for (const client of left)
      for (let n = 0; n < EVENTS; n++)
        expect(await client.nextJson('an event')).toMatchObject({ data: JSON.stringify({ n }) })
    program.process.kill('SIGTERM')
    const codes = await Promise.all(left.map(async (client) => (await client.closing()).code))
    expect(new Set(codes)).toEqual(new Set([4200]))
    expect(await program.waitForExit()).toBe(0)
    expect(program.lines.filter(({ msg }) => msg === 'left')).toHaveLength(WORKERS + 1)
    expect(pids.some(isAlive)).toBe(false)
  })

  test('stay where the next version cannot start, and end with their parent', async () => {
    using place = new Place(0)
    const told = place.path('told')
    const notify = `#!/bin/sh\necho "$@" >> ${told}\n`
    writeFileSync(place.path('systemd-notify'), notify, { mode: 0o755 })
    const manager = { PATH: `${place.folder}:${process.env['PATH']}`, NOTIFY_SOCKET: '/run/none' }
    await using program = new Workers({ ...workersOf(place, redis, 2), ...manager })
    const { port, pids } = await program.waitUntilAllListen()
    using held = place.hold('fail')
    program.process.kill('SIGUSR2')
    await program.logged('the other workers are not replaced, since one could not start')
    await program.logged('a worker cannot start; it is tried again')
    await connect(port)
    expect(pids.map(isAlive)).toEqual([false, true])
    held[Symbol.dispose]()
    await program.logged('listening', 3)
    expect(readFileSync(told, 'utf8')).toBe(`READY=1 MAINPID=${program.process.pid}\n`)

    const last = childrenOf(program.process.pid)
    expect(last).toHaveLength(2)
    program.process.kill('SIGKILL')
    await waitUntil('workers without a parent have left', () => !last.some(isAlive))
  })

  test('that are still starting leave, too, when their parent has ended', async () => {
    using place = new Place(0)
    using _ = place.hold('hold')
    await using program = new Workers(workersOf(place, redis, 2))
    program.waitUntilListening().catch(() => undefined) // it never does
    await place.waitUntilHeld()
    const started = childrenOf(program.process.pid)
    program.process.kill('SIGKILL')
    await waitUntil('it has left', () => !started.some(isAlive))
  })

  test.each([
    ['the settings', { CARILLON_REDIS_URL: '' }, 'CARILLON_WORKERS=2: 2 workers: expected'],
    ['what the first reads', { CARILLON_CONFIG: '/nowhere.ts' }, '/nowhere.ts'],
    ['another worker', {}, 'db.2.sqlite: cannot be opened (it is a folder)'],
  ])('a start that %s refuse ends with one line', async (_, env, line) => {
    using place = new Place(findFreePort())
    if (line.startsWith('db.2')) mkdirSync(place.path('db.2.sqlite'))
    await using program = new Workers({
      ...workersOf(place, redis, 2),
      PORT: String(place.port),
      ...env,
    })
    expect(await program.waitForExit()).toBe(1)
    const said = program.text.split('\n').filter((text) => text.startsWith('carillon: '))
    expect(said).toHaveLength(1)
    expect(said[0]).toContain(line)
    expect(program.text).not.toContain('Carillon is listening')
  })
})
