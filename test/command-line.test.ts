/** The command line: what is answered instead of a server, what is refused, what is missing. */
import { afterAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dependencies, version } from '../package.json'
import { Program } from './program'

const ROOT = join(import.meta.dir, '..')
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'carillon-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ASKED: readonly (readonly [
  args: string[],
  answer: { code: number; out: string; err: string },
])[] = [
  [['--version'], { code: 0, out: `${version}\n`, err: '' }],
  [['-v'], { code: 0, out: `${version}\n`, err: '' }],
  [['--help'], { code: 0, out: '  HOST ', err: '' }],
  [['-h'], { code: 0, out: '  HOST ', err: '' }],
  [
    ['--port', '80'],
    {
      code: 2,
      out: '',
      err: 'carillon: "--port": unknown argument; --help lists them\n',
    },
  ],
  [
    ['--help', 'toString'],
    {
      code: 2,
      out: '',
      err: 'carillon: "toString": unknown argument; --help lists them\n',
    },
  ],
]

test.each(ASKED)('%p is answered, and no server starts', async (args, { code, out, err }) => {
  const command = [process.execPath, 'src/index.ts', ...args]
  await using program = new Program({ HOST: 'no address, which nobody reads' }, { command })
  expect(await program.waitForExit()).toBe(code)
  expect(await program.output).toContain(out)
  expect([await program.errors, out === '' && (await program.output)]).toEqual([
    err,
    out === '' && '',
  ])
})

test.skipIf(!existsSync('/dev/full'))(
  'that nobody takes the answer is no fault of ours',
  async () => {
    const command = ['sh', '-c', `"${process.execPath}" src/index.ts --help > /dev/full`]
    await using program = new Program({}, { command })
    expect([await program.waitForExit(), await program.errors]).toEqual([0, ''])
  },
)

test.skipIf(!existsSync('/dev/full'))('that the output of a command is lost is said', async () => {
  const command = ['sh', '-c', `"${process.execPath}" src/index.ts help > /dev/full`]
  await using program = new Program({}, { command })
  expect([await program.waitForExit(), await program.errors]).toEqual([
    1,
    expect.stringMatching(/^carillon: the output is lost: ENOSPC.*\n$/),
  ])
})

test('a working directory that was removed is said', async () => {
  const gone = join(folder, 'gone')
  const start = `mkdir "${gone}" && cd "${gone}" && rmdir "${gone}" && exec "$0" "$1"`
  const command = ['sh', '-c', start, process.execPath, join(ROOT, 'src/index.ts')]
  await using program = new Program({}, { command })
  expect([await program.waitForExit(), await program.errors]).toEqual([
    1,
    'carillon: the working directory was removed: start the server in one that exists\n',
  ])
})

describe('a checkout whose packages are not installed', () => {
  const [first = ''] = Object.keys(dependencies)
  for (const path of ['src', 'package.json'])
    cpSync(join(ROOT, path), join(folder, path), { recursive: true })
  const run = (...args: string[]): Program =>
    new Program({}, { command: [process.execPath, 'src/index.ts', ...args], cwd: folder })
  const refusalOf = (name: string): string =>
    `carillon: the package ${name} is not installed: run \`bun install --frozen-lockfile\` in ${folder}, or \`bun run server\`\n`

  test('says where to install, if it is a package itself', async () => {
    const app = join(folder, 'app')
    const own = join(app, 'node_modules/carillon')
    for (const path of ['src', 'package.json'])
      cpSync(join(ROOT, path), join(own, path), { recursive: true })
    const command = [process.execPath, join(own, 'src/index.ts')]
    await using program = new Program({}, { command, cwd: app })
    const refusal = `carillon: the package ${first} is not installed: run \`bun install\` in ${app}\n`
    expect([await program.waitForExit(), await program.errors]).toEqual([1, refusal])
  })

  test('says what to run, and what it is asked', async () => {
    await using program = run()
    expect([await program.waitForExit(), await program.errors]).toEqual([1, refusalOf(first)])
    for (const [args, answer] of [
      ['--version', `${version}\n`],
      ['--help', 'docs/settings.md has the table of all.\n'],
    ] as const) {
      await using other = run(args)
      expect(await other.waitForExit()).toBe(0)
      expect(await other.output).toEndWith(answer)
    }
  })

  test('names the one that is missing, wherever above the others are', async () => {
    const [last = '', ...others] = Object.keys(dependencies).toReversed()
    for (const name of others) mkdirSync(join(folder, 'node_modules', name), { recursive: true })
    await using program = run()
    expect([await program.waitForExit(), await program.errors]).toEqual([1, refusalOf(last)])
  })
})
