/**
 * The image of the Dockerfile. There need be no engine of containers: its steps are played in folders, and the result
 * runs in a root where nothing else is, as the first process, as the image's user.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageManager } from '../../../package.json'
import { RawClient } from '../../../kit/client'
import { COMMANDS } from '../../../src/cli/commands'
import { SETTINGS } from '../../../src/config/config'
import { LEAVE_MS } from '../../../src/goodbye'
import { Program } from '../../program'
import { isInContext, readDockerfile } from './dockerfile'
import type { Compose } from './manifests'
import { play } from './player'
import { describeInRooms, firstProcessOf, PATH, type Room } from './room'

const ROOT = join(import.meta.dir, '../../..')
const textOf = (file: string): Promise<string> => Bun.file(join(ROOT, file)).text()
const stages = readDockerfile(await textOf('Dockerfile'))
const ignore = await textOf('.dockerignore')
const compose = Bun.YAML.parse(await textOf('ops/compose.yml')) as Compose
const { facts } = stages.at(-1)!
const settingNames = Object.values(SETTINGS).map(({ env }) => env as string)

/** What `docker stop` waits for where nothing else is said. */
const STOP_MS = 10_000

test('the Dockerfile and the program say the same', () => {
  expect(stages.map((stage) => stage.base)).toEqual([
    `oven/${packageManager.replace('@', ':')}-slim`,
    'scratch',
  ])
  const { SQLITE_TMPDIR, ...settings } = facts.env
  expect(Object.keys(settings).filter((name) => !settingNames.includes(name))).toEqual([])
  expect(facts.ports).toEqual([SETTINGS.port.default])
  expect(facts.env['PORT']).toBe(String(SETTINGS.port.default))
  expect(facts.volumes).toEqual([SQLITE_TMPDIR!])
  expect(facts.env['DATABASE_PATH']).toStartWith(`${SQLITE_TMPDIR}/`)
  expect(facts.user).toMatch(/^[1-9]\d+:[1-9]\d+$/)
  expect(facts.stopSignal).toBe('SIGTERM')
  const [program, command] = facts.health!.command
  expect(facts.entrypoint).toEqual([program!])
  expect(COMMANDS.map(({ name }) => name)).toContain(command!)
  const drainMs = Number(facts.env['CARILLON_DRAIN_SECONDS']) * 1000
  expect(drainMs + LEAVE_MS).toBeLessThan(STOP_MS)
})

test('nothing gets to the builder but what is copied', () => {
  const all = ['.env', 'data/carillon.sqlite', '.git/config', 'node_modules/elysia/package.json']
  expect(all.filter((path) => isInContext(ignore, path))).toEqual([])
  expect(isInContext(ignore, 'src/index.ts')).toBe(true)
  expect(isInContext(ignore, 'plugins/guardian/guardian.test.ts')).toBe(false)
})

describeInRooms('the image', () => {
  const volume = mkdtempSync(join(tmpdir(), 'carillon-volume-'))
  let room: Room
  beforeAll(() => {
    room = play(stages, ignore)
    const [uid = 0, gid = 0] = facts.user!.split(':').map(Number)
    chownSync(volume, uid, gid)
  })
  afterAll(() => {
    room[Symbol.dispose]()
    rmSync(volume, { recursive: true })
  })

  const listAll = (): string[] =>
    [...new Bun.Glob('**').scanSync({ cwd: room.root, dot: true })].toSorted()
  const enter = (command: readonly string[], isReadOnly = false): string[] =>
    room.enter(command, {
      user: facts.user!,
      mounts: [[volume, facts.volumes[0]!, 'rw']],
      isReadOnly,
    })
  const { environment } = compose.services.carillon
  const composed = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value).replace(/\$\{NAME:\?.*\}/, 'push.example.org'),
    ]),
  )
  const own = { PUSHER_APP_ID: '7', PUSHER_APP_KEY: 'k7', PUSHER_APP_SECRET: 's7' }
  // Tests are reached from this machine alone; the proxy makes a server that others reach.
  const exposed = {
    HOST: '127.0.0.1',
    CARILLON_TRUSTED_PROXIES: '127.0.0.1',
    CARILLON_PUBLIC_URL: '',
  }
  const env = { ...facts.env, ...composed, ...own, ...exposed, PATH }
  const run = (args: readonly string[], more: Record<string, string>) => {
    const command = enter([...facts.entrypoint!, ...args], true)
    const { stdout, stderr, exitCode } = Bun.spawnSync(command, { env: { ...env, ...more } })
    return { text: `${stdout}${stderr}`, exitCode }
  }

  test('has the executable, what it is linked with, and nothing else', () => {
    const files = listAll()
    expect(files).toContain('usr/local/bin/carillon')
    const others = files.filter((file) => file !== 'usr/local/bin/carillon')
    expect(others.every((file) => /^lib(64)?\/([\w-]+\/)?(ld-linux-|lib)[\w.-]+$/.test(file))).toBe(true) // prettier-ignore
    expect(others.length).toBeLessThanOrEqual(8)
    expect(readdirSync(join(room.root, 'data'))).toEqual([])
    const { uid, gid } = statSync(join(room.root, 'data'))
    expect(`${uid}:${gid}`).toBe(facts.user!)
    expect(statSync(join(room.root, 'usr/local/bin/carillon')).uid).toBe(0)
  })

  test.each([
    ['writes nothing outside of its volume', false],
    ['works in a root that cannot be written to', true],
  ])('%s', async (_, isReadOnly) => {
    const before = listAll()
    const command = enter(facts.entrypoint!, isReadOnly)
    await using program = new Program({ ...env, PORT: '0' }, { command, cwd: '/' })
    const port = await program.waitUntilListening()
    const PORT = String(port)
    const first = firstProcessOf(program.process)
    const status = await Bun.file(`/proc/${first}/status`).text()
    const [uid] = facts.user!.split(':')
    expect(status).toMatch(new RegExp(`^Uid:(\\s+${uid}){4}$`, 'm'))
    expect(status).toMatch(/^NSpid:\s+\d+\s+1$/m)
    expect(status).toMatch(/^CapEff:\s+0+$/m)

    const [, ...health] = facts.health!.command
    const ready = { text: `http://127.0.0.1:${port} is ready\n`, exitCode: 0 }
    expect(run(health, { PORT })).toEqual(ready)
    expect(run(health, { PORT: '1' }).exitCode).toBe(1)
    const credentials = { PUSHER_ADMIN_USERNAME: 'a', PUSHER_ADMIN_PASSWORD: 'p' }
    expect(run(['doctor'], { PORT, ...credentials }).text).not.toMatch(/^fail\b/m)

    await using client = new RawClient(`ws://127.0.0.1:${port}/app/k7?protocol=7`)
    await client.hello()
    process.kill(first, facts.stopSignal as NodeJS.Signals)
    expect((await client.closed).code).toBe(4200)
    expect(await program.waitForExit()).toBe(0)
    expect(run(health, { PORT }).exitCode).toBe(1)
    expect(listAll()).toEqual(before)
    const secrets = statSync(join(volume, 'carillon.sqlite.credentials'))
    expect(secrets.mode & 0o777).toBe(0o600)
  })
})
