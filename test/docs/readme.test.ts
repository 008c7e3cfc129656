/**
 * README.md, followed to the letter in an empty folder: its commands, its files, what they print. Ports
 * are others, and what a registry would bring is linked: its versions are the ones tested here.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import { findFreePort } from '../../bench/lib/processes'
import packageJson from '../../package.json'
import { execute, LineReader, type Command } from '../field/commands'
import { PATIENCE_MS, waitFor } from '../harness'
import { Program } from '../program'
import { blocksOf, readPage, ROOT } from './pages'

const text = await readPage('README.md')
const blocks = blocksOf(text)
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ code }) => code.trim().split('\n'))
const scripts = blocks.filter(({ language }) => language === 'js').map(({ code }) => code)

/** Who has no Node.js has its name for Bun. */
const NODE = Bun.which('node') ?? process.execPath
const findScript = (name: string): string =>
  scripts.find((code) => code.startsWith(`// ${name}\n`))!
const line = (mark: string): string =>
  scripts.find((code) => !code.startsWith('// ') && code.includes(mark))!
const BACKEND_PORT = findFreePort()

/** How each command is played; a command without a row is not tested, and fails. */
const PLAYED: Readonly<Record<string, string>> = {
  'npx --yes bun@1.4.5 run server': 'run by this Bun, which has that version or is newer',
  'npm install pusher-js@8.6.0 pusher@5.3.4': 'compared with the versions that are linked',
  'node client.mjs': 'run',
  'node trigger.mjs': 'run',
  'node backend.mjs': 'run',
  'bun run bench quick': 'run for a second: test/field/bench/quick.test.ts',
  'bun run bench autocannon --run': 'run with few requests: test/bench/autocannon.test.ts',
}

test('every command has its way of being played', () => {
  expect(commands).toEqual(Object.keys(PLAYED))
  expect(blocks.filter(({ language }) => !['sh', 'js'].includes(language))).toEqual([])
})

test('the versions are those that are tested', () => {
  const { packageManager, devDependencies } = packageJson
  expect(text).toContain(`npx --yes ${packageManager} run server`)
  const wanted = (['pusher-js', 'pusher'] as const).map(
    (name) => `${name}@${devDependencies[name]}`,
  )
  expect(text).toContain(`npm install ${wanted.join(' ')}\n`)
})

test('its picture of the console is small', async () => {
  const [, path] = /!\[[^\]]+\]\(([^)]+)\)/.exec(text)!
  const picture = Bun.file(join(ROOT, path!))
  expect(picture.type).toBe('image/png')
  expect(picture.size).toBeLessThan(150_000)
})

test('it is a page to begin with', () => {
  expect(text.split('\n').length).toBeLessThanOrEqual(151)
})

/** What `bun run server` is, by this Bun: each part a child of its own, so that it can be ended. */
const [install, serve] = packageJson.scripts.server
  .split(' && ')
  .map((part) => [process.execPath, ...part.split(' ').slice(1)])

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
let program: Program
let port: number

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules'))
  for (const name of ['pusher-js', 'pusher'])
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  await execute(install as unknown as Command, { cwd: ROOT, timeoutMs: PATIENCE_MS })
  program = new Program({}, { command: serve! })
  port = await program.waitUntilListening()
  for (const script of scripts) {
    const name = /^\/\/ (\w+\.mjs)$/m.exec(script)?.[1]
    if (name) save(name, script)
  }
})
afterAll(async () => {
  await program[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Saves a script, with ports that are free here. */
function save(name: string, script: string): void {
  const here = script.replaceAll('6001', String(port)).replaceAll('3000', String(BACKEND_PORT))
  writeFileSync(join(folder, name), here)
}

const AROUND = { cwd: folder, timeoutMs: PATIENCE_MS }

/** Resolves once somebody is in a channel. */
async function waitUntilOccupied(channel: string): Promise<void> {
  const options = { appId: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret' }
  const sdk = new Server({ ...options, host: '127.0.0.1', port: String(port) } as Server.Options)
  const isThere = async (): Promise<boolean> =>
    channel in (await (await sdk.get({ path: '/channels' })).json()).channels
  const arrived = async (): Promise<void> => {
    while (!(await isThere())) continue
  }
  await waitFor(`somebody in ${channel}`, arrived())
}

test('its client hears what its backend triggers, and prints what the page says', async () => {
  await using client = new LineReader([NODE, 'client.mjs'], AROUND)
  await waitUntilOccupied('my-channel')
  await execute([NODE, 'trigger.mjs'], AROUND)
  const printed = await client.lines.next('what the client prints')
  expect(text).toContain(`The client prints \`${printed}\`.`)
})

test('its client enters a private channel that its backend signs', async () => {
  await using backend = new LineReader([NODE, 'backend.mjs'], AROUND)
  expect(await backend.lines.next('the backend')).toBe('signing')
  save('private.mjs', [findScript('client.mjs'), line('private-room')].join('\n'))
  await using client = new LineReader([NODE, 'private.mjs'], AROUND)
  await waitUntilOccupied('private-room')
  expect(client.lines.unread).toEqual([])
})
