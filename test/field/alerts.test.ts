/**
 * The alert rules of `ops/alerts.yml`: each fault of FAULTS is caused in a real server, which is scraped meanwhile, and
 * promtool says which alerts fire. What needs a process of its own is in PROGRAM_FAULTS.
 */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alertsIn, boardExpressions, readBoard } from '../docs/monitoring'
import { readPage, blocksOf } from '../docs/pages'
import { start, type TestServer } from '../harness'
import { waitUntil } from '../webhooks/receiver'
import { execute } from './commands'
import { FAULTS } from './monitoring/faults'
import { Child, PROGRAM_FAULTS } from './monitoring/programs'
import { ALERTS_FILE, Recorder } from './monitoring/recorder'
import { describeWith } from './programs'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Minutes before a fault, and with it. */
const CALM = 6
const FAULTY = 8
/** The same by the real clock. */
const SHORT = 4

/** By the real clock a busy machine is late, too. */
const LATE = ['CarillonDeliverySlow', 'CarillonLoopLag']

const TOKEN = 'a-token-of-the-metrics'

const storedIn = (name: string) => ({
  databasePath: join(folder, `${name}.sqlite`),
  backupPath: join(folder, name),
  backupEveryMinutes: 1,
})

/** Has the first one made, which the first sweep begins. */
async function startBackups(server: TestServer): Promise<void> {
  server.advance(server.core.timing.sweepIntervalMs)
  await waitUntil('a backup is made', () => server.totals.backupsMade > 0)
}

/** What happens in every minute of a server that is well. */
async function live(server: TestServer): Promise<void> {
  await using client = await server.raw()
  await client.subscribed('lobby')
  for (let n = 0; n < 3; n++) await server.trigger({ channel: 'lobby', name: 'e', data: 'x' })
  await client.frames.take(3, 'the events')
}

/** By the token: who guesses the admin's password locks this address out. */
async function readMetrics(server: TestServer): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${TOKEN}` }
  const response = await server.http('/metrics', { headers })
  return response.status === 200 ? response.text() : undefined
}

describeWith('promtool', 'alerts', () => {
  test.each(FAULTS)('$name', async ({ name, options, isStored, begin, goOn, alerts }) => {
    const config = { ...options?.config, ...(isStored && storedIn(name)), metricsToken: TOKEN }
    await using server = await start({ ...options, config })
    if (isStored) await startBackups(server)
    const recorder = new Recorder(folder, server.clock.now() / 1000)
    for (let minute = 0; minute < CALM; minute++) {
      await live(server)
      recorder.add(await readMetrics(server))
    }
    await recorder.expectFiring([])
    await begin?.(server)
    for (let minute = 0; minute < FAULTY; minute++) {
      await goOn?.(server)
      recorder.add(await readMetrics(server))
    }
    await recorder.expectFiring(alerts)
  })

  test.each(PROGRAM_FAULTS)('$name', async ({ start: startProgram, begin, goOn, alerts }) => {
    await using child = new Child(() => startProgram(folder))
    await child.listen()
    const recorder = new Recorder(folder)
    await child.push() // so that its app has metrics of its own
    for (let minute = 0; minute < CALM; minute++) recorder.add(await child.scrape())
    await recorder.expectFiring([], LATE)
    await begin?.(child)
    for (let minute = 0; minute < SHORT; minute++) {
      await goOn?.(child)
      recorder.add(await child.scrape())
    }
    const ignored = LATE.filter((alert) => !alerts.includes(alert))
    await recorder.expectFiring(alerts, ignored)
  })

  test('each rule has a fault that makes it fire', async () => {
    const causes = [...FAULTS, ...PROGRAM_FAULTS].flatMap(({ alerts }) => alerts)
    const names = (await alertsIn(ALERTS_FILE)).map(({ alert }) => alert)
    expect(names.filter((name) => !causes.includes(name))).toEqual([])
  })

  test("the page's scrape is one that Prometheus takes", async () => {
    const blocks = blocksOf(await readPage('docs/operations.md'))
    const { code = '' } = blocks.find(({ language }) => language === 'yaml') ?? {}
    const file = join(folder, 'prometheus.yml')
    writeFileSync(join(folder, 'carillon-token'), TOKEN)
    writeFileSync(file, code.replace('/etc/prometheus', folder))
    await execute(['promtool', 'check', 'config', file], { cwd: folder, timeoutMs: 20_000 })
  })

  test("of the metrics promtool finds fault with nothing but soketi's names", async () => {
    await using server = await start({ config: { metricsToken: TOKEN } })
    await live(server)
    const stdin = Buffer.from((await readMetrics(server))!)
    const { stderr } = Bun.spawnSync(['promtool', 'check', 'metrics'], { stdin })
    const lines = stderr.toString().trim().split('\n')
    expect(lines.map((line) => line.replace(/ .*/, ''))).toEqual([
      'soketi_http_received_bytes',
      'soketi_socket_received_bytes',
      'soketi_socket_transmitted_bytes',
    ])
  })

  test('the board asks in the language of Prometheus', async () => {
    const rules = boardExpressions(await readBoard()).map((expression, index) => ({
      record: `panel:${index}`,
      expr: expression.replaceAll('$__rate_interval', '5m'),
    }))
    const file = join(folder, 'board.json')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'board', rules }] }))
    await execute(['promtool', 'check', 'rules', file], { cwd: folder, timeoutMs: 20_000 })
  })

  test('the rules are what Prometheus takes, each with a summary and a runbook', async () => {
    await execute(['promtool', 'check', 'rules', ALERTS_FILE], { cwd: folder, timeoutMs: 20_000 })
    for (const { alert, annotations, labels } of await alertsIn(ALERTS_FILE))
      expect([alert, annotations, labels]).toEqual([
        alert,
        { summary: expect.stringMatching(/./), runbook: expect.stringMatching(/[.?]$/) },
        { severity: expect.stringMatching(/^(?:page|ticket)$/) },
      ])
  })
})
