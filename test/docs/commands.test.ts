/** The commands and examples of the pages in docs/, run with other ports. */
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guardian } from '../../plugins/guardian'
import { originCheck } from '../../plugins/origin-check'
import { rateLimit } from '../../plugins/rate-limit'
import { loadConfigFile } from '../../src/config/config-file'
import { execute, LineReader } from '../field/commands'
import { PATIENCE_MS, start, type TestServer, waitFor } from '../harness'
import { requestAdmin, create } from '../http/admin-requests'
import { blocksOf, PAGES, readPage, ROOT, type Block } from './pages'

/** Read in the order of their sections, by test/field/deploy on a machine of its own, and by test/field/upgrades.test.ts. */
const IN_ORDER = ['docs/deployment.md', 'docs/upgrades.md']
const READ = PAGES.filter(
  (page) => (page.startsWith('docs/') && !IN_ORDER.includes(page)) || page === 'plugins/README.md',
)

/** Blocks that are not run here, by a text in them, with the reason. */
const ELSEWHERE: readonly (readonly [mark: string, why: string])[] = [
  ['PUSHER_APP_KEY=chat-key', 'test/field/cluster/by-hand.test.ts runs all of it'],
  ['redis-server --port 6379', 'test/field/cluster/by-hand.test.ts runs all of it'],
  ['CARILLON_NODE_NAME=one', 'test/field/cluster/by-hand.test.ts runs all of it'],
  ['CARILLON_NODE_NAME=two', 'test/field/cluster/by-hand.test.ts runs all of it'],
  ['ops/cluster/nginx.conf', 'test/field/cluster/by-hand.test.ts runs all of it'],
  ['bun pm pack --destination', 'test/field/package.test.ts packs the project'],
  ['bun add /tmp/carillon-', 'test/field/package.test.ts installs what it has packed'],
  ['node_modules/carillon/src/index.ts', 'test/field/package.test.ts starts that'],
  ['bun run release', 'test/field/release.test.ts makes releases in a checkout of its own'],
  ["from 'carillon'", 'test/field/package.test.ts runs it where the package is installed'],
  ['bun run carillon', 'test/cli runs each command'],
  ['mysqldump', 'test/field/import/guides.test.ts dumps a table so'],
  ['dynamodb scan', 'test/field/import/guides.test.ts has a table so'],
  ['pg_dump --table', 'test/field/import/guides.test.ts dumps a table so'],
  [
    'php artisan',
    'needs an application of Laravel; test/field/import/guides.test.ts reads what it prints',
  ],
  ['user carillon on', 'test/field/cluster/link-checks.test.ts has a server with these rights'],
  ['CARILLON_WORKERS=auto', 'test/field/processes/workers.test.ts starts them so'],
  ['bun run test', 'is what runs this'],
  ['CARILLON_TEST_CLUSTER=all', 'takes minutes; bun run test:field plays some of it'],
  ['bun run bench', 'plays for half an hour; test/bench plays each question for a moment'],
  [
    'carillon.sqlite.credentials',
    'test/field/processes/first-start.test.ts reads and deletes that file',
  ],
  ['$pusher->trigger', 'test/http/idempotency.test.ts sends what the PHP library writes'],
  ['carillon/resume', 'test/docs/nothing-missed.test.ts pulls the plug'],
  ['/live?', 'test/http/live.test.ts reads such streams, which have no end'],
  ['scrape_configs', 'test/field/alerts.test.ts has promtool read it'],
  ['for server in', 'test/field/moving-dialects.test.ts has two servers for it'],
  ['// publish.mjs', 'test/field/moving-guide.test.ts publishes with it'],
  ['# push.conf', 'test/field/moving-guide.test.ts runs nginx with it'],
  ['nginx -s reload', 'test/field/moving-guide.test.ts switches with it'],
  ['askBackend', 'test/protocols/phoenix-clients.test.ts joins so'],
]

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** How a block is played; undefined for those that this file knows nothing to do with. */
function playerOf({ language, code }: Block): ((server: TestServer) => Promise<void>) | undefined {
  const here = (server: TestServer): string => code.replaceAll('6001', String(server.port))
  if (ELSEWHERE.some(([mark]) => code.includes(mark))) return async () => undefined
  if (language === 'sh' && code.startsWith('curl ')) return (server) => runCommand(here(server))
  if (language === 'ts') return () => loadConfiguration(code)
  if (language === 'js' && code.startsWith('// trigger.mjs'))
    return (server) => runProgram(here(server))
  if (language === 'js') return (server) => expectReceived(here(server), server)
  return undefined
}

/** Fails where curl does, or the answer is none of 2xx. */
async function runCommand(command: string): Promise<void> {
  const strict = command.replace('curl ', 'curl --silent --show-error --fail-with-body ')
  await execute(['sh', '-c', strict], { cwd: folder, timeoutMs: PATIENCE_MS })
}

/** Fails where the program does. */
async function runProgram(code: string): Promise<void> {
  linkPackages()
  writeFileSync(join(folder, 'trigger.mjs'), code)
  await execute([process.execPath, 'trigger.mjs'], { cwd: folder, timeoutMs: PATIENCE_MS })
}

/** Makes the packages of this checkout those of the programs in the folder. */
function linkPackages(): void {
  const link = join(folder, 'node_modules')
  if (!existsSync(link)) symlinkSync(join(ROOT, 'node_modules'), link)
}

async function loadConfiguration(code: string): Promise<void> {
  writeFileSync(join(folder, 'carillon.config.ts'), code)
  const { apps, isOwn } = await loadConfigFile(undefined, folder)
  expect([apps.length, isOwn]).toEqual([1, false])
}

/** A client that prints what is published. */
async function expectReceived(code: string, server: TestServer): Promise<void> {
  linkPackages()
  writeFileSync(join(folder, 'client.mjs'), code)
  const around = { cwd: folder, timeoutMs: PATIENCE_MS }
  await using client = new LineReader([process.execPath, 'client.mjs'], around)
  const waitUntilJoined = async (): Promise<void> => {
    while (!server.listFactNames().includes('channel_occupied my-channel')) await server.http('/up')
  }
  await waitFor('the join', waitUntilJoined())
  await server.trigger({ name: 'my-event', channel: 'my-channel', data: '{"hello":"world"}' })
  expect((await client.lines.take(2, 'what the client prints')).join()).toContain('hello')
}

/** The page of plugins has a test that compiles and runs its examples. */
const shellOf = (page: string, blocks: readonly Block[]): readonly Block[] =>
  page.startsWith('plugins/') ? blocks.filter(({ language }) => language === 'sh') : blocks

test.each(READ)('what %s says to type works', async (page) => {
  const blocks = shellOf(page, blocksOf(await readPage(page)))
  const players = blocks.map(playerOf)
  expect(blocks.filter((_, index) => players[index] === undefined)).toEqual([])
  if (players.length === 0) return
  await using server = await start({ plugins: [originCheck(), rateLimit(), guardian()] })
  const hasApp = blocks.some(({ code }) => code.includes('app[name]=foo-app'))
  if (!hasApp) expect((await create(server, { name: 'foo-app' })).status).toBe(201)
  for (const play of players) await play!(server)
  expect((await requestAdmin(server, 'GET', '/foo-app')).status).toBe(200)
})

test('every block that is played elsewhere is there', async () => {
  const all = (await Promise.all(READ.map(readPage))).flatMap(blocksOf)
  const unused = ELSEWHERE.filter(([mark]) => !all.some(({ code }) => code.includes(mark)))
  expect(unused).toEqual([])
})
