/** Which configuration file is read, what is off without it, and where it is wrong. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import usual from '../../plugins/usual.json'
import { ConfigError } from '../../src/config/config'
import { loadConfigFile, logConfigFile } from '../../src/config/config-file'
import { quote } from '../../src/core/errors'
import { ManualClock, MemoryLog } from '../../kit/clock'
import { Program } from '../program'

const ROOT = join(import.meta.dir, '../..')
const OWN = join(ROOT, 'carillon.config.ts')
const ALL = ['origin-check', 'rate-limit', 'guardian']
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'carillon-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}
const makeConfiguration = (...names: string[]): string =>
  `export default { plugins: [${names.map((name) => `{ name: '${name}', carillon: 1, setup: () => ({}) }`).join()}] }`

test('a server that is started in another folder has the plugins that came with it, and says so', async () => {
  const command = [process.execPath, join(ROOT, 'src/index.ts')]
  const env = { DATABASE_PATH: 'data/carillon.sqlite' }
  await using program = new Program(env, { command, cwd: folder })
  await program.waitUntilListening()
  program.process.kill('SIGTERM')
  await program.waitForExit()
  expect(await program.output).toContain(`plugins     ${ALL.join(', ')}\n`)
  const lines = (await program.errors).split('\n').slice(0, -1)
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        level: 30,
        file: OWN,
        msg: "no carillon.config.ts in this folder: the server's own is used",
      }),
      expect.objectContaining({
        level: 30,
        path: join(folder, 'data/carillon.sqlite'),
        msg: 'a new database',
      }),
    ]),
  )
})

test('a server of one bundled file finds what came with it in the folder above', async () => {
  const outdir = join(folder, 'bundled/dist')
  const build = [process.execPath, 'build', '--target=bun', join(ROOT, 'src/index.ts')]
  const { exitCode } = Bun.spawnSync([...build, '--outdir', outdir])
  expect(exitCode).toBe(0)
  write('bundled/carillon.config.ts', makeConfiguration('came-along'))
  const command = [process.execPath, join(outdir, 'index.js')]
  await using program = new Program({ DATABASE_PATH: ':memory:' }, { command, cwd: folder })
  await program.waitUntilListening()
  program.process.kill('SIGTERM')
  await program.waitForExit()
  expect(await program.output).toContain('plugins     came-along\n')
})

describe('which file it is, and what is off', () => {
  const here = write('here/carillon.config.ts', makeConfiguration('rate-limit', 'origin-check'))
  const own = "no carillon.config.ts in this folder: the server's own is used"
  const ROWS: readonly {
    readonly name: string
    readonly named?: string
    readonly folder: string
    readonly file: string
    readonly says?: string
    readonly off?: readonly (keyof typeof usual)[]
  }[] = [
    { name: 'none', folder, file: OWN, says: own },
    { name: 'one in the working directory', folder: join(folder, 'here'), file: here },
    { name: 'the own one, in its folder', folder: ROOT, file: OWN },
    { name: 'a named one', named: 'here/carillon.config.ts', folder, file: here },
    {
      name: 'without one of the two',
      named: write('one.ts', makeConfiguration('origin-check', 'other')),
      folder,
      file: join(folder, 'one.ts'),
      off: ['rate-limit'],
    },
    {
      name: 'with apps alone, by a promise',
      named: write('apps.ts', 'export default Promise.resolve({ plugins: null, apps: [] })'),
      folder,
      file: join(folder, 'apps.ts'),
      off: ['origin-check', 'rate-limit'],
    },
  ]
  test.each(ROWS)('$name', async ({ named, folder: from, file, says, off = [] }) => {
    const log = new MemoryLog()
    logConfigFile(await loadConfigFile(named, from), log)
    const expected = {
      ...(off.length > 0 && { off: Object.fromEntries(off.map((name) => [name, usual[name]])) }),
    }
    expect(log.lines.map(({ fields, message }) => [fields, message])).toEqual([
      [{ file }, says ?? 'configuration file'],
      ...(off.length > 0
        ? [
            [{ file, ...expected }, 'plugins that most servers have are not listed'] as [
              object,
              string,
            ],
          ]
        : []),
    ])
  })

  test('plugins that most servers have are those of the own file', async () => {
    const { plugins } = await loadConfigFile(undefined, ROOT)
    const names = plugins.map(({ name }) => name)
    expect(names).toEqual(ALL)
    expect(names).toEqual(expect.arrayContaining(Object.keys(usual)))
  })

  const UNUSABLE: readonly (readonly [named: string | undefined, from: string, line: string])[] = [
    [
      'none.ts',
      folder,
      `CARILLON_CONFIG=none.ts: expected a file at ${folder}/none.ts, there is none`,
    ],
    ['here', folder, `CARILLON_CONFIG=here: expected a file at ${folder}/here, this is a folder`],
    ['/dev/null', folder, 'CARILLON_CONFIG=/dev/null: expected a file at /dev/null, this is none'],
    [
      undefined,
      join(folder, 'odd'),
      `carillon.config.ts: expected a file at ${folder}/odd/carillon.config.ts, this is a folder`,
    ],
    [
      'x'.repeat(300),
      folder,
      `CARILLON_CONFIG=${quote('x'.repeat(300))}: expected a file at ${folder}/${'x'.repeat(300)}, this cannot be read (ENAMETOOLONG)`,
    ],
  ]
  mkdirSync(join(folder, 'odd/carillon.config.ts'), { recursive: true })
  test.each(UNUSABLE)('%j in %s is said', async (named, from, line) => {
    await expect(loadConfigFile(named, from)).rejects.toThrow(new ConfigError([line]))
  })
})

describe('what is wrong with an app is said without its secrets', () => {
  const ROWS: readonly (readonly [app: object, line: string])[] = [
    [{ secret: 'hush hush' }, 'secret: is invalid: (hidden); expected text without spaces'],
    [{ secret: { hush: 1 } }, 'secret: is invalid: (hidden); expected text'],
    [
      { webhooks: [{ url: 'hush://hush' }] },
      'webhooks: has the url (hidden); expected one of http or https',
    ],
    [{ webhooks: 'https://hush' }, 'webhooks: is invalid: (hidden); expected a list'],
    [{ webhooks: ['https://hush'] }, 'webhooks: has (hidden); expected an object with a url'],
  ]
  test.each(ROWS)('%j', async (fields, line) => {
    const app = { id: '1', key: 'k', secret: 's', ...fields }
    const path = write(`${Bun.hash(line)}.ts`, `export default ${JSON.stringify({ apps: [app] })}`)
    await expect(loadConfigFile(path, folder)).rejects.toThrow(
      new ConfigError([`${path}: apps[0].${line}`]),
    )
  })
})

describe('a file that cannot be loaded', () => {
  const bad = write('bad.ts', 'const x: = 3\nexport default { plugins: [ }\n')
  const ROWS: readonly (readonly [text: string, ...mistakes: string[]])[] = [
    ['export default { a: 1', 'Expected "}" but found end of file (FILE:1:21)'],
    ['\nexport default {\n  plugins: [,\n', 'Unexpected end of file (FILE:3:14)'],
    [
      'const x: = 3\nexport default { plugins: [ }\n',
      'Unexpected = (FILE:1:10)',
      'Unexpected } (FILE:2:29)',
    ],
    ["import './bad'", `Unexpected = (${bad}:1:10)`, `Unexpected } (${bad}:2:29)`],
    ["import x from './none'\nexport default x", "Cannot find module './none' imported from FILE"],
    ['\nexport default { plugins: [guardian()] }', 'guardian is not defined (FILE:2:28)'],
    ['throw new Error("boom")', 'boom (FILE:1:11)'],
    ['throw "text"', 'text'],
    [
      "import { writtenIn } from 'carillon/plugin'\nwrittenIn(undefined, 'a')",
      "Cannot destructure property 'length' from null or undefined value (FILE:2:1)",
    ],
    ['export default Promise.reject(new Error("late"))', 'late (FILE:1:35)'],
    ['throw new AggregateError([new Error("one"), "two"])', 'one (FILE:1:31)', 'two'],
    ['throw new AggregateError([], "none")', 'none (FILE:1:11)'],
  ]
  test.each(ROWS)('%j', async (text, ...mistakes) => {
    const path = write(`${Bun.hash(text)}.ts`, text)
    const refused = (await loadConfigFile(path, folder).catch(
      (error: unknown) => error,
    )) as ConfigError
    expect(refused.mistakes).toEqual(
      mistakes.map((mistake) => `${path}: could not be loaded: ${mistake.replace('FILE', path)}`),
    )
  })

  test('is one line, whatever it throws, and not a long one', async () => {
    const path = write('odd.ts', "throw new Error('a\\nb\\x1b[31m' + 'x'.repeat(10_000))")
    await using program = new Program({ CARILLON_CONFIG: path })
    expect(await program.waitForExit()).toBe(1)
    const line = `${path}: could not be loaded: a b [31m`
    expect(await program.errors).toBe(`carillon: ${line.padEnd(4096, 'x')}…\n`)
  })

  const HANGS = "console.log('loading')\nawait new Promise(() => {})"

  test('one that never ends is given up after a while', async () => {
    const clock = new ManualClock(0)
    const path = write('hangs.ts', HANGS.replace(/.*\n/, ''))
    const refused = loadConfigFile(path, folder, { clock })
    clock.advance(30_000)
    await expect(refused).rejects.toThrow(`${path}: could not be loaded: no answer within 30000 ms`)
  })

  test('or by a signal', async () => {
    await using program = new Program({ CARILLON_CONFIG: write('hangs-too.ts', HANGS) })
    await program.waitForText('loading')
    program.process.kill('SIGTERM')
    expect(await program.waitForExit()).toBe(0)
    expect(await program.errors).toContain('"left"')
  })
})
