/** The program itself, as it is typed: help, mistakes, terminals of 80 columns, pipes and signals. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMMANDS, GROUPS } from '../../src/cli/commands'
import { parseArguments } from '../../src/cli/program'
import { start, startCommon, waitFor } from '../harness'
import { envOf, Running, runOn } from './run'

const ROOT = join(import.meta.dir, '../..')
const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const server = startCommon()

const environment = (): Record<string, string> => ({
  ...envOf(server()),
  PATH: process.env['PATH'] ?? '',
  DATABASE_PATH: join(folder, 'none.sqlite'),
  CARILLON: `${process.execPath} ${ROOT}/src/index.ts`,
})

/** Runs a script of the shell in which `$CARILLON` is the program. */
async function runShell(script: string, args: readonly string[] = []) {
  const child = Bun.spawn(['sh', '-c', script, 'sh', ...args], {
    cwd: folder,
    env: environment(),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const texts = [child.stdout, child.stderr].map((stream) => new Response(stream).text())
  const [out = '', err = ''] = await Promise.all(texts)
  return { code: await waitFor('the end of the script', child.exited), out, err }
}

/** What a terminal of 80 columns shows of such a script. */
async function runTerminal(script: string, env: Record<string, string> = {}): Promise<string> {
  const decoder = new TextDecoder()
  const [ended, end] = [Promise.withResolvers<void>(), 'end of the script']
  let text = ''
  const child = Bun.spawn(['sh', '-c', `${script}\necho '${end}'`], {
    cwd: folder,
    env: { ...environment(), TERM: 'xterm', ...env },
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => {
        text += decoder.decode(bytes, { stream: true })
        if (text.includes(end)) ended.resolve()
      },
    },
  })
  await waitFor('the end on the terminal', ended.promise)
  await child.exited
  child.terminal?.close()
  return text.replaceAll('\r\n', '\n').replace(`${end}\n`, '')
}

const LONG = 'A shop whose name is so long that no table has room for it all'
const SET = ['id=77', 'key=key-1', 'secret=s-1'].flatMap((field) => ['--set', field])
const APP = ['apps', 'create', ...SET, LONG]

test('a terminal of 80 columns gets a table that fits, its titles bold', async () => {
  expect((await runOn(server(), APP)).code).toBe(0)
  expect(await runTerminal('$CARILLON apps list')).toBe(
    [
      '\u001b[1mID  SLUG                     NAME                      KEY                STATE\u001b[22m',
      '1   test-app                 Test App                  test-app-fake-key  active',
      '77  a-shop-whose-name-is-s…  A shop whose name is so…  key-1              active',
      '',
    ].join('\n'),
  )
  const shown = await runOn(server(), 'apps show 77', { isTerminal: true })
  const [, time = ''] = /^created_at +(.+)$/m.exec(shown.out) ?? []
  expect(time).toBe(`${new Date(server().clock.now()).toISOString().slice(0, 19)}Z`)
  expect(shown.out.replace(time, 'TIME')).toMatchInlineSnapshot(`
    "id                    77
    name                  A shop whose name is so long that no table has room for it
                          all
    slug                  a-shop-whose-name-is-so-long-that-no-table-has-room-for-it
                          -all
    key                   key-1
    secret                ***
    active                true
    client_events         true
    public_client_events  false
    tls_only              false
    subscription_counts   false
    epl_bridge            false
    keys                  [{"key":"key-1","secret":"***"}]
    created_at            TIME
    "
  `)
})

test('scripts get exit codes, and lines without titles', async () => {
  const script = `
    $CARILLON apps list | cut -f 2 | head -1
    echo '{"a":1}' | $CARILLON trigger room event -; echo $?
    $CARILLON lst --token=pass-1; echo $?
    PORT=1 $CARILLON apps list --json; echo $?`
  expect(await runShell(script)).toEqual({
    code: 0,
    out: 'test-app\n0\n2\n3\n',
    err: [
      "carillon: unknown command 'lst' (did you mean listen?)",
      'carillon: http://127.0.0.1:1 cannot be reached (nothing listens on that port): does a server run there? --url or CARILLON_URL names another',
      '',
    ].join('\n'),
  })
})

test('listen ends when nobody reads it any more, and at a signal', async () => {
  const shell = runShell('$CARILLON listen room --json | head -1')
  const waitForChannel = async (): Promise<void> => {
    while (!server().occupied.some((name) => name === 'room')) await server().http('/up')
  }
  await waitFor('the subscription', waitForChannel())
  await server().trigger({ channel: 'room', name: 'e', data: '1' })
  while (server().connectionCount > 0)
    await server().trigger({ channel: 'room', name: 'e', data: '2' })
  const { code, out, err } = await shell
  expect([code, JSON.parse(out).data, err]).toEqual([0, '1', 'carillon: subscribed to room\n'])

  const script =
    '$CARILLON listen room & pid=$!; read line < fifo; kill -INT $pid; wait $pid; echo $?'
  const signalled = runShell(`mkfifo fifo; ${script}`)
  await waitFor('the subscription', waitForChannel())
  await Bun.write(join(folder, 'fifo'), 'go\n')
  expect(await signalled).toMatchObject({ code: 0, out: '0\n' })
})

test('a backup is for its owner, and restores to what it was; the document is written', async () => {
  const databasePath = join(folder, 'live.sqlite')
  const copy = join(folder, 'copy.sqlite')
  const database = ['--database', databasePath]
  const run = (...args: string[]) => new Running(args, { folder, isTerminal: true }).finished
  const live = await start({ config: { databasePath } })
  await runOn(live, ['apps', 'create', 'before'])
  const backup = await run('backup', 'copy.sqlite', ...database)
  expect([backup.code, statSync(copy).mode & 0o777]).toEqual([0, 0o600])
  expect(backup.out).toMatch(/^\S+\/copy\.sqlite has \d+ kB\n$/)
  expect(backup.err).toEndWith(`\r\u001b[Kbackup [${'#'.repeat(40)}] 100 %\r\u001b[K`)
  expect(await run('backup', 'copy.sqlite', ...database)).toMatchObject({
    code: 1,
    err: expect.stringContaining('copy.sqlite: exists already'),
  })
  await runOn(live, ['apps', 'create', 'after'])
  const used = await run('restore', 'copy.sqlite', ...database)
  expect([used.code, used.err]).toEqual([
    3,
    expect.stringContaining('is in use by a server; stop it first'),
  ])
  expect(await runOn(live, 'openapi --output openapi.json', { folder })).toMatchObject({ code: 0 })
  expect(JSON.parse(readFileSync(join(folder, 'openapi.json'), 'utf8')).openapi).toStartWith('3.')
  await live.stop()
  const restored = await run('restore', 'copy.sqlite', ...database)
  expect(restored.out).toContain(`what was there is now ${databasePath}.before-restore-`)
  const { out } = await run('apps', 'list', '--json', ...database)
  expect((JSON.parse(out) as { slug: string }[]).map(({ slug }) => slug)).toEqual(['before'])
  expect((await run('backup', 'x', '--database', ':memory:')).code).toBe(2)
})

test.skipIf(Bun.which('bash') === null)(
  'bash completes words, and runs nothing of what is typed',
  async () => {
    const typed = `COMP_WORDS=(carillon apps re '$(touch ran)'); COMP_CWORD=2; _carillon; echo "\${COMPREPLY[@]}"
    COMP_WORDS=(carillon trigger '$(touch ran)' '\`touch ran\`' --a); COMP_CWORD=4; _carillon; echo "\${COMPREPLY[@]}"`
    const script = `$CARILLON completion bash > carillon.bash
    carillon() { local IFS=" "; $CARILLON "$@"; }; . ./carillon.bash; . ./carillon.bash; ${typed}; ls ran`
    const child = ['bash', '-c', script]
    expect(await runShell(`exec "$@"`, child)).toMatchObject({
      out: 'retire\n--app\n',
      err: expect.stringMatching(/^ls: [^\n]*ran[^\n]*\n$/),
    })
  },
)

const OFFERED: readonly (readonly [words: string, offered: readonly string[]])[] = [
  [
    '',
    [
      ...Object.keys(GROUPS),
      ...COMMANDS.map(({ name }) => name).filter((name) => !name.includes(' ')),
    ],
  ],
  ['we', ['webhooks']],
  ['apps r', ['rotate', 'retire']],
  ['apps nonsense ', []],
  ['listen room --rew', ['--rewind']],
  ['apps list --', ['--secrets', '--database', '--url', '--token-file', '--json', '--help']],
  ['apps list --url ', []],
  ['completion ', ['bash', 'zsh', 'fish']],
]

test.each(OFFERED)('after %j comes %j', async (words, offered) => {
  const { out } = await runOn(server(), ['complete', '--', ...words.split(' ')])
  const lines = out.split('\n').filter(Boolean)
  expect(lines.map((line) => line.split('\t')[0]!)).toEqual([...offered])
})

test('each shell has a script', async () => {
  for (const shell of ['bash', 'zsh', 'fish'])
    expect((await runOn(server(), `completion ${shell}`)).out).toContain('carillon complete -- ')
  expect((await runOn(server(), 'completion tcsh')).err).toBe(
    'carillon: completion expects one of bash, zsh, fish\n',
  )
})

// ---------------------------------------------------------------- help and mistakes

const NAMES = [...Object.keys(GROUPS), ...COMMANDS.map(({ name }) => name)]

test.each(NAMES)('the help of %s fits 80 columns, and has examples', (name) => {
  const parsed = parseArguments(['help', ...name.split(' ')])
  if (!('help' in parsed)) throw new Error('expected help')
  expect(parsed.help).toStartWith(`Usage: carillon ${name} `)
  expect(parsed.help.split('\n').filter((line) => line.length > 80)).toEqual([])
  if (!(name in GROUPS)) expect(parsed.help).toContain('Examples:\n  $ carillon ')
  expect(parseArguments([...name.split(' '), '--help'])).toEqual(parsed)
})

test('every example is a command line that is understood', () => {
  for (const { name, examples } of COMMANDS)
    for (const [line] of examples) {
      const [own = ''] = line.split(/ (?:\||>+) /)
      const words = own
        .match(/'[^']*'|"[^"]*"|\S+/g)!
        .map((word) => word.replace(/^(['"])(.*)\1$/, '$2'))
      const parsed = parseArguments(words.filter((word) => word !== '<' && word !== 'data.json'))
      expect('row' in parsed ? parsed.row.name : { line, parsed }).toBe(name)
    }
})

const MISTAKES: readonly (readonly [args: string, mistake: string])[] = [
  ['appz list', "unknown command 'appz' (did you mean apps?)"],
  ['apps lst', "unknown command 'lst' (did you mean list?)"],
  [
    'apps',
    'apps needs one of list, show, create, update, rotate, retire, delete; `carillon apps --help` tells what they do',
  ],
  ['help appz', "unknown command 'appz' (did you mean apps?)"],
  [
    'apps list --token=pass-1',
    "unknown option '--token'; `carillon apps list --help` shows what there is",
  ],
  [
    'apps list --url',
    "option '--url <url>' argument missing; `carillon apps list --help` shows what there is",
  ],
  [
    'apps show',
    "missing required argument 'slug'; `carillon apps show --help` shows what there is",
  ],
  [
    'apps show a pass-1',
    'too many arguments: expected 1 argument but got 2; `carillon apps show --help` shows what there is',
  ],
  [
    'trigger a b',
    "missing required argument 'data'; `carillon trigger --help` shows what there is",
  ],
  ['\u001b[31m', "unknown command '\\u001b[31m'; `carillon --help` shows what there is"],
]

test.each(MISTAKES)('%j is a mistake', (args, mistake) => {
  expect(parseArguments(args.split(' '))).toEqual({ mistake })
})
