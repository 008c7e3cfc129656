/** docs/upgrades.md from its beginning to its end: backup, trial, upgrade, and the way back, in its own commands. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import packageJson from '../../package.json'
import { blocksOf, readPage, ROOT } from '../docs/pages'
import { Program } from '../program'
import { execute } from './commands'
import { describeWith } from './programs'

const PAGE = 'docs/upgrades.md'
const folder = mkdtempSync(join(tmpdir(), 'carillon-upgrades-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TIMEOUT_MS = 60_000
const BACKUPS = join(folder, 'backups')
const TRIAL = join(folder, 'trial.sqlite')
const database = join(folder, 'carillon.sqlite')
const APP = { appId: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret', useTLS: false }
const rule = { prefix: '', size: 100, ttl_seconds: 600, durable: true }

const played = new Set<string>()

/** The block of the page with a text in it, with this test's folders and ports. */
async function findBlock(mark: string, port = 0): Promise<string> {
  const { code } = blocksOf(await readPage(PAGE)).find((block) => block.code.includes(mark))!
  played.add(code)
  return code
    .replaceAll('bun run carillon', 'bun src/index.ts')
    .replaceAll('bun src/index.ts', `${process.execPath} src/index.ts`)
    .replace(/^PORT=/m, 'exec env PORT=') // a signal is for the server, and not for the shell
    .replaceAll('/var/backups/carillon', BACKUPS)
    .replaceAll('/tmp/trial.sqlite', TRIAL)
    .replaceAll('6001', String(port))
    .replaceAll('6009', '0')
}

const variablesAt = (port: number): Record<string, string> => ({
  DATABASE_PATH: database,
  PORT: String(port),
})

async function play(mark: string, port = 0): Promise<string> {
  const command = ['sh', '-ec', await findBlock(mark, port)] as const
  return execute(command, { cwd: ROOT, timeoutMs: TIMEOUT_MS, variables: variablesAt(port) })
}

const newProgram = (): Program => new Program({ DATABASE_PATH: database })

async function end(program: Program): Promise<void> {
  program.process.kill('SIGTERM')
  expect(await program.waitForExit()).toBe(0)
}

const sdkOf = (port: number): Server =>
  new Server({ ...APP, host: '127.0.0.1', port: String(port) })

async function namesIn(
  port: number,
  params = {},
): Promise<{ names: string[]; recovered: boolean }> {
  const answer = await sdkOf(port).get({ path: '/channels/room/history', params })
  const { events, recovered } = (await answer.json()) as {
    events: { name: string }[]
    recovered: boolean
  }
  return { names: events.map(({ name }) => name), recovered }
}

async function admin(port: number, method: string, path: string, app: object): Promise<void> {
  const authorization = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
  const headers = { authorization, 'content-type': 'application/json' }
  const init = { method, headers, body: JSON.stringify({ app }) }
  const answer = await fetch(`http://127.0.0.1:${port}/api/admin/apps${path}`, init)
  expect(answer.ok).toBe(true)
}

test('a backup, a trial with its copy, the upgrade, and the way back', async () => {
  mkdirSync(BACKUPS)
  let later: { epoch: string; offset: number }
  {
    // The old version, its backup, and the new one beside it with a copy.
    await using old = newProgram()
    const port = await old.waitUntilListening()
    await admin(port, 'PATCH', '/test-app', { history: [rule] })
    await sdkOf(port).trigger('room', 'before', 1)
    await play('carillon backup', port)
    expect(readdirSync(BACKUPS)).toContain('before-upgrade.sqlite')
    await using trial = new Program(
      { DATABASE_PATH: database },
      { command: ['sh', '-ec', await findBlock('trial.sqlite')] },
    )
    expect((await namesIn(await trial.waitUntilListening())).names).toEqual(['before'])
    await end(trial)
    await end(old)
  }
  {
    // The new version looks well, and more happens.
    await using upgraded = newProgram()
    const port = await upgraded.waitUntilListening()
    const checks = await play('carillon doctor', port)
    expect(checks).toContain('ready')
    await sdkOf(port).trigger('room', 'since', 1)
    const answer = await sdkOf(port).get({ path: '/channels/room/history' })
    later = (await answer.json()) as typeof later
    await end(upgraded)
  }
  {
    // A version with a migration more than this one.
    using db = new Database(database, { readwrite: true })
    const version = Object.values(db.query('PRAGMA user_version').get() as object)[0] as number
    db.run(`CREATE TABLE of_a_newer_version (id INTEGER); PRAGMA user_version = ${version + 1}`)
  }
  await using refused = newProgram()
  expect(await refused.waitForExit()).toBe(1)
  const told = blocksOf(await readPage(PAGE)).find(({ code }) => code.includes('newer version'))!
  played.add(told.code)
  const numberless = (text: string): string => text.replaceAll(/\d+/g, 'N').trim()
  expect(numberless(await refused.errors)).toBe(
    numberless(told.code.replace('data/carillon.sqlite', database)),
  )

  await play('carillon restore /var/backups/carillon/before-upgrade.sqlite')
  const [kept = ''] = readdirSync(folder).filter((name) => name.includes('.before-restore-'))
  {
    using db = new Database(join(folder, kept), { readonly: true })
    expect(db.query('SELECT COUNT(*) AS n FROM of_a_newer_version').get()).toEqual({ n: 0 })
  }
  await using back = newProgram()
  const port = await back.waitUntilListening()
  expect((await namesIn(port)).names).toEqual(['before'])
  const since = { since: `${later.epoch}:${later.offset}` }
  expect(await namesIn(port, since)).toEqual({ names: [], recovered: false })
  await end(back)
})

test('a scheduled backup is restored', async () => {
  const scheduled = join(BACKUPS, 'carillon-20261128T091500Z.sqlite')
  cpSync(join(BACKUPS, 'before-upgrade.sqlite'), scheduled)
  await play('carillon restore /var/backups/carillon/carillon-20261128T091500Z.sqlite')
})

test('an executable is checked, and replaced while it runs', async () => {
  const at = mkdtempSync(join(folder, 'executable-'))
  const installed = join(at, 'bin')
  cpSync(Bun.which('sleep')!, installed)
  await using running = Bun.spawn([installed, '60'])
  await Bun.write(join(at, 'carillon-0.2.0-linux-x64'), '#!/bin/sh\necho new\n')
  const sums = await execute(['sh', '-c', 'sha256sum carillon-0.2.0-linux-x64'], {
    cwd: at,
    timeoutMs: TIMEOUT_MS,
  })
  await Bun.write(join(at, 'SHA256SUMS'), `${sums}${'0'.repeat(64)}  carillon-0.2.0.tgz\n`)
  const code = (await findBlock('sha256sum')).replace('/usr/local/bin/carillon', installed)
  const around = { cwd: at, timeoutMs: TIMEOUT_MS }
  await execute(['sh', '-ec', code], around)
  expect(await execute([installed], around)).toBe('new\n')
  await Bun.write(join(at, 'carillon-0.2.0-linux-x64'), 'something else')
  await expect(execute(['sh', '-ec', code], around)).rejects.toThrow('did NOT match')
  expect(running.exitCode).toBe(null)
})

describeWith('git', 'a checkout', () => {
  test('goes to the new version with its packages', async () => {
    const [origin, checkout] = [join(folder, 'origin'), join(folder, 'checkout')]
    mkdirSync(origin)
    for (const part of ['package.json', 'bun.lock', 'bunfig.toml', '.gitignore', 'src', 'plugins'])
      cpSync(join(ROOT, part), join(origin, part), { recursive: true })
    const git = (cwd: string, ...args: string[]): Promise<string> =>
      execute(['git', '-c', 'user.name=n', '-c', 'user.email=e@localhost', ...args], {
        cwd,
        timeoutMs: TIMEOUT_MS,
      })
    await git(origin, 'init', '--quiet')
    await git(origin, 'add', '--all')
    await git(origin, 'commit', '--quiet', '--message', 'first')
    await git(folder, 'clone', '--quiet', origin, checkout)
    await Bun.write(
      join(origin, 'package.json'),
      JSON.stringify({ ...packageJson, version: '0.2.0' }),
    )
    await git(origin, 'commit', '--quiet', '--all', '--message', 'second')
    await git(origin, 'tag', 'v0.2.0')
    const around = { cwd: checkout, timeoutMs: TIMEOUT_MS }
    await execute(['sh', '-ec', await findBlock('git fetch')], around)
    const version = await execute([process.execPath, 'src/index.ts', '--version'], around)
    expect(version).toBe('0.2.0\n')
  })

  test('so every block of the page was played', async () => {
    const blocks = blocksOf(await readPage(PAGE)).map(({ code }) => code)
    expect(blocks.filter((code) => !played.has(code))).toEqual([])
  })
})
