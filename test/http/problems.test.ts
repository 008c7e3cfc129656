/** What is wrong right now with the server: each row of PROBLEMS is caused in a real one, several in each. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SHARD_SIZE } from '../../src/core/audience'
import type { Moment } from '../../src/http/problem'
import { PROBLEMS } from '../../src/http/problem-rows'
import { APP_PROBLEMS } from '../../src/http/problem-rows-of-apps'
import { makeBasicAuth } from '../credentials'
import { makePlugin, start, throwSecret, type RawClient } from '../harness'
import { StalledReader } from '../stalled-reader'
import { occupy, waitUntil } from '../webhooks/receiver'
import { expectNodeProblems } from './problems-of-nodes'
import {
  breakOffTakeover,
  connect,
  expectCauses,
  MINUTE_MS,
  readDocumented,
  readProblem,
  readProblems,
  repeat,
  says,
  seen,
} from './problems'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const DAY_MS = 86_400_000

const nothing = () => {}

describe('of the server', () => {
  test('a certificate that nobody renews', async () => {
    const [tlsCertFile, tlsKeyFile] = ['crt', 'key'].map((end) =>
      join(import.meta.dir, `../tls/first.${end}`),
    )
    const { validToDate } = new X509Certificate(readFileSync(tlsCertFile!))
    for (const [days, severity] of [
      [7, 'warning'],
      [0, 'critical'],
    ] as const) {
      const now = validToDate.getTime() - days * DAY_MS - 30_000
      await using server = await start({ config: { tlsCertFile, tlsKeyFile }, now })
      const { problems } = await readProblems(server)
      expect(problems.some((each) => each.severity === severity)).toBe(false)
      await expectCauses(server, [['certificate_ends', () => server.advance(60_000), { severity }]])
    }
  })

  test('settings, refusals, plugins', async () => {
    const failing = makePlugin('failing', { clientEvent: throwSecret })
    const plugins = [failing]
    await using server = await start({ plugins, config: { statisticsMaxRows: 0 } })
    const calm = await readProblems(server)
    expect(calm.problems.map(({ code, severity }) => [code, severity])).toEqual([
      ['database_in_memory', 'notice'],
      ['published_credentials', 'notice'],
      ['statistics_off', 'notice'],
    ])
    const forwarded = { 'x-forwarded-for': '192.0.2.1' }
    await expectCauses(server, [
      ['database_in_memory', nothing, { app: null }],
      ['statistics_off', nothing, { remedy: says(/CARILLON_STATISTICS_MAX_ROWS/) }],
      [
        'published_credentials',
        nothing,
        { severity: 'notice', text: says(/the admin, the app 1/) },
      ],
      [
        'published_credentials',
        () => server.admin('/api/admin/apps', { headers: forwarded }),
        { severity: 'warning', text: says(/refused to somebody else \(forwarded\)/) },
      ],
      [
        'clients_outdated',
        () =>
          repeat(2, async () => {
            const path = `/app/${server.app.key}?protocol=7&client=js&version=`
            for (const version of ['4.1.0', '7.0.6', '7.1.0', '8.6.0', 'x']) {
              await using client = await server.raw({ path: path + version })
              expect(client.socketId).toBeString()
            }
          }),
        { text: says(/^4 connections .*: pusher-js 4\.1\.0 2, pusher-js 7\.0\.6 2$/) },
      ],
      ['proxy_not_named', nothing, { severity: 'warning', text: says(/at 127\.0\.0\.1/) }],
      [
        'refused',
        () => repeat(21, () => server.http('/apps/nobody/channels?auth_key=k')),
        { text: says(/^2\d refusals .*app_not_found 21/), remedy: says(/no app has/) },
      ],
      [
        'plugin_breaks',
        async () => {
          await using client = await server.raw()
          await server.signedIn(client, 'private-room')
          client.send({ event: 'client-e', channel: 'private-room', data: {} })
          await client.next('the refusal')
        },
        { text: says(/The hook clientEvent of failing has failed 1 time in/) },
      ],
      [
        'logins_refused',
        () => {
          const headers = makeBasicAuth('somebody:x')
          return repeat(10, () => server.http('/api/admin/apps', { headers }))
        },
        { text: says(/^1 client is locked out .*: 127\.0\.0\.1 \(admin\)$/) },
      ],
    ])
  })

  test('other nodes', expectNodeProblems)

  test('a fan-out that fails, clients that do not read, and late turns', async () => {
    const limits = { maxUnreadBytes: 65_536, maxReplayBytes: 32_768 }
    await using server = await start({ limits, config: { maxConnections: 50 } })
    const { latencies, hub } = server.core
    const { key } = server.app
    const crowd: RawClient[] = []
    const late = (name: 'loopLag' | 'fanOutLag') => (): void => {
      for (let n = 0; n < 100; n++) latencies[name].observe(n < 15 ? 1000 : 0)
    }
    const cut = async () => {
      await repeat(11, () =>
        StalledReader.open({
          port: server.port,
          key,
          data: { channel: 'stalled' },
          until: 'succeeded',
        }),
      )
      while (server.totals.slowReadersClosed < 11)
        await server.trigger({ channel: 'stalled', name: 'e', data: 'x'.repeat(10_000) })
    }
    await expectCauses(server, [
      [
        'loop_lag',
        late('loopLag'),
        { severity: 'critical', text: says(/in 1[0-9] % of the time/) },
      ],
      ['fan_out_lag', late('fanOutLag'), { severity: 'critical' }],
      ['readers_cut', cut, { text: says(/^11 clients were cut/) }],
      [
        'connections_full',
        async () => {
          await server.waitForConnections(0)
          crowd.push(...(await connect(server, 45)))
        },
        { severity: 'critical', text: says(/^45 connections are open, of 50/) },
      ],
      [
        'not_ready',
        async () => {
          const members = crowd.slice(0, 2 * SHARD_SIZE.small)
          await Promise.all(members.map((client) => client.subscribed('room')))
          spyOn(hub.topics, 'publish').mockImplementation(throwSecret)
          await server.trigger({ channel: 'room', name: 'e', data: 'x' })
          await waitUntil('a turn fails', () => server.totals.faults > 0)
        },
        { severity: 'critical', text: says(/red: a turn failed/) },
      ],
      ['faults', nothing, { text: says(/unexpected error/) }],
    ])
  })

  test('statistics that cannot be written, backups that fail, a stop', async () => {
    const [databasePath, backupPath] = [join(folder, 'well.sqlite'), join(folder, 'backups')]
    await using server = await start({
      config: { databasePath, backupPath, backupEveryMinutes: 1, drainSeconds: 60 },
    })
    const sweep = () => server.advance(server.core.timing.sweepIntervalMs)
    await expectCauses(server, [
      [
        'statistics_refused',
        () => {
          const lock = new Database(databasePath)
          lock.run('BEGIN IMMEDIATE')
          server.advance(10_000)
          lock.run('ROLLBACK')
          lock.close()
        },
        { severity: 'warning' },
      ],
      [
        'backup_fails',
        async () => {
          sweep()
          await waitUntil('one is made', () => server.totals.backupsMade > 0)
          rmSync(backupPath, { recursive: true })
          writeFileSync(backupPath, '')
          while (server.totals.backupsFailed === 0) {
            sweep()
            await readProblems(server)
          }
        },
        { severity: 'critical', text: says(/^The backup has failed, and .*backups/) },
      ],
      [
        'takeover_failed',
        () => breakOffTakeover(databasePath),
        { severity: 'warning', text: says(/take over: the new process has ended$/) },
      ],
      [
        'draining',
        async () => {
          await connect(server, 1)
          void server.server.leave() // the client has a minute
        },
        { severity: 'warning' },
      ],
    ])
  })

  test('a database that cannot be read', async () => {
    const databasePath = join(folder, 'unreadable.sqlite')
    const webhooks = [{ url: 'http://127.0.0.1:9/hook' }]
    await using server = await start({ config: { databasePath, webhooks, webhookFlushMs: 0 } })
    const rename = (from: string, to: string): void => {
      using db = new Database(databasePath)
      db.run(`ALTER TABLE ${from} RENAME TO ${to}`)
    }
    occupy(server, 'room')
    await waitUntil('it is written', () => server.totals.webhookEvents > 0)
    await expectCauses(server, [
      [
        'database_unreadable',
        () => rename('webhook_lanes', 'hidden'),
        { severity: 'critical', text: says(/no such table: webhook_lanes/) },
      ],
    ])
    rename('hidden', 'webhook_lanes')
  })

  test('what the system tells', () => {
    const find = (code: string, moment: object) => {
      seen.add(code)
      return PROBLEMS.find((row) => row.code === code)!.test(moment as Moment)
    }
    const files = (openFiles: number | undefined) => ({ process: { openFiles, maxFiles: 1024 } })
    expect(find('files_nearly_used_up', files(900))).toEqual({
      text: '900 files are open, of 1 024 that may be',
    })
    expect(find('files_nearly_used_up', files(500))).toBeUndefined()
    expect(find('files_nearly_used_up', files(undefined))).toBeUndefined()
    const memory = (residentBytes: number) => ({ process: { residentBytes, memoryBytes: 4e9 } })
    expect(find('memory_nearly_used_up', memory(3.9e9))).toEqual({
      text: '3.9 GB of memory are used, of 4.0 GB',
    })
    expect(find('memory_nearly_used_up', memory(3e9))).toBeUndefined()
    const free = (freeBytes: number | undefined) => find('disk_nearly_full', { freeBytes })
    expect(free(9e8)).toEqual({ text: '900 MB are free on the disk of the database' })
    expect(free(4e7)).toMatchObject({ severity: 'critical' })
    expect([free(2e9), free(undefined)]).toEqual([undefined, undefined])
  })
})

test('it is known since when, and what has happened is forgotten after five minutes', async () => {
  await using server = await start()
  const began = server.clock.now()
  await repeat(21, () => server.http('/apps/nobody/channels?auth_key=k'))
  const refused = await readProblem(server, 'refused')
  /** Minutes in which it looks once each, as it does. */
  const pass = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute++) {
      server.advance(MINUTE_MS)
      await readProblems(server)
    }
  }
  await pass(3)
  const later = await readProblem(server, 'refused')
  expect([refused.since, later.since]).toEqual([began, began])
  expect(later.text).toContain('in 3 minutes')
  await pass(3)
  const { problems } = await readProblems(server)
  expect(problems.map(({ code }) => code)).toEqual(['database_in_memory', 'published_credentials'])
  expect(new Set(problems.map(({ since }) => since))).toEqual(new Set([began]))
})

test('a database that is well has no problem', async () => {
  const databasePath = join(folder, 'calm.sqlite')
  const own = { appId: '7', appKey: 'k7', appSecret: 's7', adminUsername: 'a', adminPassword: 'b' }
  await using server = await start({ config: { databasePath, ...own } })
  const answer = await server.http('/api/admin/problems', { headers: makeBasicAuth('a:b') })
  const text = await answer.text()
  expect([answer.status, text]).toEqual([200, expect.stringContaining('"count":0,"problems":[]')])
})

test('each row has been caused, and docs/operations.md has it', async () => {
  const codes = PROBLEMS.map(({ code }) => code)
  expect(await readDocumented()).toEqual([...codes, ...APP_PROBLEMS.map(({ code }) => code)])
  expect(codes.filter((code) => !seen.has(code))).toEqual([])
  expect(new Set(codes).size).toBe(codes.length)
})
