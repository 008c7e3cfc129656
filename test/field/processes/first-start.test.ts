/** What is generated at a first start: shown once by a terminal, and to no log collector. */
import { afterAll, expect, test } from 'bun:test'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Credentials } from '../../../src/config/credentials'
import { writeGenerated } from '../../../src/config/first-start'
import { waitFor } from '../../harness'
import { Program } from '../../program'

const folder = mkdtempSync(join(tmpdir(), 'carillon-first-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A server that others can reach, without settings of its own. */
const outside = (database: string) => ({
  CARILLON_TRUSTED_PROXIES: '127.0.0.1',
  DATABASE_PATH: join(folder, database),
  CARILLON_LOG_LEVEL: 'debug',
})
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** Reads the output of a program until it exits, or is signalled once it listens. */
async function readOutput(
  env: Record<string, string>,
): Promise<{ output: string; errors: string; code: number }> {
  await using program = new Program(env)
  await program.waitUntilListening().catch(() => undefined)
  program.process.kill('SIGTERM')
  const code = await program.waitForExit()
  return { output: await program.output.catch(() => ''), errors: await program.errors, code }
}

test('without a terminal it stands in a file for the owner only, until it is deleted', async () => {
  const env = outside('piped.sqlite')
  const file = `${env.DATABASE_PATH}.credentials`
  mkdirSync(file) // in its way
  const refused = await readOutput(env)
  expect([refused.code, refused.output]).toEqual([1, ''])
  expect(refused.errors).toContain(
    `${file}: can't be written, and no terminal shows the generated credentials`,
  )
  rmdirSync(file)

  const first = await readOutput(env)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const text = readFileSync(file, 'utf8')
  expect(text).toMatch(
    new RegExp(
      `^# Made at .*\nPUSHER_APP_ID=.+\nPUSHER_APP_KEY=${UUID}\nPUSHER_APP_SECRET=${UUID}\nPUSHER_ADMIN_USERNAME=admin\nPUSHER_ADMIN_PASSWORD=${UUID}\n$`,
    ),
  )
  expect(first.output).toContain(`Read them in ${file}`)
  expect(first.output).toContain('App (generated now)\n')

  const second = await readOutput(env)
  expect(second.errors).toContain('generated credentials are still in a file')
  expect(readFileSync(file, 'utf8')).toBe(text)
  const secrets = Array.from(text.matchAll(/(?:SECRET|PASSWORD)=(.*)/g), ([, secret]) => secret!)
  expect(secrets).toHaveLength(2)
  for (const secret of secrets)
    for (const { output, errors } of [first, second])
      expect(`${output}${errors}`).not.toContain(secret)
})

test('a terminal shows it once, and there is no file', async () => {
  let text = ''
  const printed = Promise.withResolvers<void>()
  await using terminal = new Bun.Terminal({
    cols: 200,
    rows: 60,
    data: (_, bytes) => {
      text += Buffer.from(bytes).toString()
      if (text.includes('pusher.subscribe')) printed.resolve()
    },
  })
  const env = { PATH: process.env['PATH'] ?? '', PORT: '0', ...outside('terminal.sqlite') }
  const child = Bun.spawn([process.execPath, 'src/index.ts'], { env, terminal })
  await waitFor('the announcement', printed.promise)
  child.kill('SIGTERM')
  expect(await waitFor('the exit', child.exited)).toBe(0)
  const [secret, password] = ['secret', 'password'].map(
    (label) => new RegExp(`${label} +(${UUID})`).exec(text)?.[1],
  )
  expect(text).toContain(`:${secret}@`)
  expect(text).toContain('App (generated now, shown this once)')
  expect(password).toBeString()
  expect(statSync(`${env.DATABASE_PATH}.credentials`, { throwIfNoEntry: false })).toBeUndefined()
})

test('a database in memory has no file beside it: the start says what to set', async () => {
  const { output, code } = await readOutput({ ...outside(''), DATABASE_PATH: ':memory:' })
  expect(code).toBe(0)
  expect(output).toContain(
    'set PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET, PUSHER_ADMIN_USERNAME',
  )
  expect(output).not.toMatch(new RegExp(`(?:secret|password) +${UUID}`))
})

const MADE: Credentials = {
  app: { id: '1', key: 'k', secret: 's', origin: 'settings' },
  admin: {
    username: 'admin',
    password: 'p',
    passwordSha256: '',
    origin: 'generated',
    isPublished: false,
  },
  newApp: undefined,
}

test('only what was generated is written, beside what the file has; neither a link is followed nor a pipe waited for', () => {
  const database = join(folder, 'own.sqlite')
  const file = `${database}.credentials`
  writeFileSync(database, '')
  writeFileSync(file, '', { mode: 0o644 })
  writeGenerated(MADE, database, 0)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  writeGenerated({ ...MADE, admin: { ...MADE.admin, origin: 'stored' } }, database, 0)
  writeGenerated(MADE, database, 0)
  const section =
    '# Made at the start of 1970-01-01T00:00:00.000Z. Note it down, then delete this file.\nPUSHER_ADMIN_USERNAME=admin\nPUSHER_ADMIN_PASSWORD=p\n'
  expect(readFileSync(file, 'utf8')).toBe(`${section}${section}`)
  rmSync(file)
  symlinkSync(join(folder, 'elsewhere'), file)
  expect(() => writeGenerated(MADE, database, 0)).toThrow("can't be written")
  rmSync(file)
  Bun.spawnSync(['mkfifo', file])
  expect(() => writeGenerated(MADE, database, 0)).toThrow("can't be written")
})
