/** `.env` in the working directory: the runtime reads it, and cuts what stands behind a `$`. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { settingsFrom, envFiles } from '../../src/config/env-files'
import { notes } from '../../src/config/notes'
import { Program } from '../program'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-env-'))
  folders.push(folder)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** The environment that a program finds which the runtime starts there. */
function environment(
  folder: string,
  given: Record<string, string> = {},
  options: readonly string[] = [],
) {
  const script = 'console.log(JSON.stringify(process.env))'
  const command = [process.execPath, ...options, '-e', script]
  const env = { PATH: process.env['PATH'] ?? '', ...given }
  const { stdout } = Bun.spawnSync(command, { cwd: folder, env })
  return JSON.parse(stdout.toString()) as Record<string, string>
}

/** Lines as people write them, and what the runtime makes of a `$` and a `#`. */
const LINES: readonly (readonly [text: string, not?: 'altered' | 'cut'])[] = [
  ['plain'],
  ['"double # quotes"'],
  ["'single'"],
  ['behind # a comment'],
  ['pa$word9', 'altered'],
  ["'pa$word9'", 'altered'],
  ['"pa$word9"', 'altered'],
  ['`pa$word9`', 'altered'],
  ['pa\\$word9'],
  ['pa\\\\$word9'],
  ['$word9', 'altered'],
  ['${word9}', 'altered'],
  ['a${word9}b', 'altered'],
  ['pa$HERE', 'altered'],
  ['$HERE'],
  ['"${HERE}"'],
  ['${word9:-otherwise}'],
  ['a$$b', 'altered'],
  ['ends with $'],
  ['$-'],
  ['${open'],
  ['price $5 and $6', 'altered'],
  ['"two\\nlines"'],
  ['${none:-pa$word9}', 'altered'],
  ['pa#word9', 'cut'],
  ['a b#c # d', 'cut'],
  ['it"s#1', 'cut'],
  ['a #b#c'],
  ["'a#b' # c"],
]
test('every value is known as the runtime has read it, and every one that it has changed', () => {
  const named = LINES.map(([text, not], index) => ({ name: `LINE_${index}`, text, not }))
  const lines = named.map(({ name, text }) => `${name}=${text}`)
  const folder = folderWith({
    '.env': ['HERE=here', 'export LINE_E=x', 'LINE_C: y', ...lines].join('\n'),
  })
  const env = environment(folder)
  const known = [...named.map(({ name }) => name), 'LINE_E', 'LINE_C']
  const [brought] = settingsFrom(envFiles(folder, [], env), env, { known, secrets: known })
  expect(brought!.names.toSorted()).toEqual(known.toSorted())
  for (const what of ['altered', 'cut'] as const)
    expect(brought![what]).toEqual(named.flatMap(({ not, name }) => (not === what ? name : [])))
})

const FILES = ['.env', '.env.local', '.env.development', '.env.development.local'].concat([
  '.env.production',
  '.env.production.local',
  '.env.test',
  '.env.test.local',
])
const MODES: readonly Readonly<Record<string, string>>[] = [
  {},
  { NODE_ENV: 'development' },
  { NODE_ENV: 'production' },
  { NODE_ENV: 'test' },
  { NODE_ENV: 'staging' },
  { NODE_ENV: 'production', BUN_ENV: 'test' },
]
test.each(MODES)('%j: the files of the runtime, in its order', (mode) => {
  const own = (name: string): string => name.replace(/\W/g, '_')
  const folder = folderWith(
    Object.fromEntries(FILES.map((name) => [name, `ALL=${name}\n${own(name)}=1\n`])),
  )
  const env = environment(folder, mode)
  const files = envFiles(folder, [], env)
  expect(files[0]!.path).toBe(join(folder, env['ALL']!))
  expect(files.map(({ path }) => path).toSorted()).toEqual(
    FILES.filter((name) => env[own(name)])
      .map((name) => join(folder, name))
      .toSorted(),
  )
})

test('files that are named take the place of those', () => {
  const folder = folderWith({ '.env': 'ALL=default', a: 'ALL=a', b: 'ALL=b' })
  const options = ['--env-file=a', '--env-file', 'b']
  const env = environment(folder, {}, options)
  expect(env['ALL']).toBe('b')
  expect(envFiles(folder, options, env).map(({ values }) => values['ALL'])).toEqual(['b', 'a'])
  expect(envFiles(folder, ['--no-env-file'], env)).toEqual([])
  expect(environment(folder, {}, ['--no-env-file'])['ALL']).toBeUndefined()
})

test('what was set outside, and what is empty, is not said to come from the file', () => {
  const folder = folderWith({
    '.env': 'PUSHER_APP_ID=\nPUSHER_APP_SECRET=pa$word9\nPUSHER_APP_KEY=k',
  })
  const env = { PUSHER_APP_ID: '', PUSHER_APP_SECRET: 'other', PUSHER_APP_KEY: 'k' }
  expect(notes(env, envFiles(folder, [], env))).toEqual([
    {
      level: 'info',
      message: `PUSHER_APP_KEY: from ${folder}/.env, which the runtime reads at its start`,
    },
  ])
})

test('a reference is meant where it is no secret, or nothing else', () => {
  const folder = folderWith({
    '.env':
      'DATABASE_PATH=$ROOT/carillon.sqlite\nREVERB_APP_SECRET=${PUSHER_APP_SECRET}\nHOST=$NONE\n',
  })
  const env = environment(folder, { ROOT: '/srv', PUSHER_APP_SECRET: 'hush' })
  const texts = notes(env, envFiles(folder, [], env)).map(({ message }) => message)
  expect(texts[0]).toStartWith('DATABASE_PATH, REVERB_APP_SECRET, HOST: from ')
  expect(texts[1]).toStartWith('HOST: differs from ')
})

test('the start names what came from the file, and what holds a $; a failing one, too', async () => {
  const folder = folderWith({
    '.env':
      'PUSHER_APP_ID=1\nPUSHER_APP_KEY=k\nREVERB_APP_SECRET="pa$word9"\nAPP_KEY=x\nPUSHER_ADMIN_USERNAME=me\nPUSHER_ADMIN_PASSWORD=pa#word9\n',
  })
  const command = [process.execPath, join(import.meta.dir, '../../src/index.ts')]
  await using program = new Program({}, { command, cwd: folder })
  await program.waitUntilListening()
  program.process.kill('SIGTERM')
  await program.waitForExit()
  const errors = await program.errors
  const lines = errors
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number; msg: string })
  const from = `PUSHER_APP_ID, PUSHER_APP_KEY, REVERB_APP_SECRET, PUSHER_ADMIN_USERNAME, PUSHER_ADMIN_PASSWORD: from ${folder}/.env, which the runtime reads at its start`
  const altered = `REVERB_APP_SECRET: differs from ${folder}/.env, where a $ begins the name of a variable, in quotes too; write \\$ for the sign`
  expect(lines).toContainEqual(expect.objectContaining({ level: 30, msg: from }))
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: altered }))
  const cut = `PUSHER_ADMIN_PASSWORD: ends at a # in ${folder}/.env, where a comment begins; quotes keep it`
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: cut }))
  expect(errors).not.toContain('word9')

  await using failing = new Program({ PORT: 'x' }, { command, cwd: folder })
  expect(await failing.waitForExit()).toBe(1)
  expect(await failing.errors).toContain(`carillon: ${altered}\n`)
})

test('quotes that whoever read the file has left are told, and no secret', () => {
  const env = {
    PUSHER_APP_SECRET: '"hush"',
    REVERB_APP_KEY: "'k'",
    PUSHER_ADMIN_PASSWORD: 'it"s',
    CARILLON_WEBHOOKS: '[{"url":"https://example.org"}]',
    APP_NAME: '"x"',
  }
  expect(notes(env).filter(({ level }) => level === 'warn')).toEqual([
    { level: 'warn', message: 'PUSHER_APP_SECRET: its quotes are a part of the value' },
    { level: 'warn', message: 'REVERB_APP_KEY: its quotes are a part of the value' },
  ])
})
