/** `carillon tokens` and `carillon audit`, and what a token may. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCommon } from '../harness'
import { openDatabase } from '../../src/store/sqlite'
import { auditStore } from '../../src/store/audit'
import { rowsOf, Running, runOn, type Outcome } from './run'

const server = startCommon()
const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...args: readonly string[]): Promise<Outcome> => runOn(server(), args)
const withToken = (token: string, ...args: readonly string[]): Promise<Outcome> =>
  runOn(server(), args, { env: { CARILLON_TOKEN: token } })

/** Makes a token and returns its text. */
async function makeToken(name: string, ...options: readonly string[]): Promise<string> {
  const { out } = await run('tokens', 'create', name, '--json', ...options)
  return (JSON.parse(out) as { token: string }).token
}

test('tokens are made, used, listed and revoked', async () => {
  const made = await run('tokens', 'create', 'ci', '--scope', 'all', '--expires', '30d')
  const fields = Object.fromEntries(rowsOf(made)) as Record<string, string>
  const [token, id] = [fields['token']!, fields['id']!]
  expect([fields['name'], fields['scope']]).toEqual(['ci', 'all'])
  expect(token).toMatch(/^carillon_\w{38}$/)
  expect((await withToken(token, 'apps', 'list')).out).toContain('test-app')
  const byFile = await runOn(server(), 'apps list --token-file -', { input: `${token}\n` })
  expect(byFile.code).toBe(0)

  const rowOf = (outcome: Outcome) => rowsOf(outcome).find(([name]) => name === 'ci')!
  const listed = await run('tokens', 'list')
  expect(rowOf(listed).slice(0, 4)).toEqual(['ci', 'all', 'live', fields['expires']!])
  expect(listed.out).not.toContain(token)
  expect((await runOn(server(), 'tokens list', { isTerminal: true })).out).toMatch(
    /^NAME +SCOPE +STATE /,
  )
  const all = JSON.parse((await run('tokens', 'list', '--json')).out)
  expect(all).toContainEqual(expect.objectContaining({ id, name: 'ci', scope: 'all' }))

  expect(await run('tokens', 'revoke', token)).toMatchObject({
    code: 2,
    err: expect.not.stringContaining(token),
  })
  expect((await run('tokens', 'revoke', id)).code).toBe(0)
  expect(rowOf(await run('tokens', 'list'))[2]).toBe('revoked')
  const refused = await withToken(token, 'apps', 'list')
  expect([refused.code, refused.err]).toEqual([
    4,
    expect.stringContaining('carillon: not authorised with CARILLON_TOKEN'),
  ])
  expect(refused.err).not.toContain(token)
  expect(await run('tokens', 'revoke', 'nobody')).toMatchObject({ code: 5 })
  expect(await run('tokens', 'create', 'x')).toMatchObject({ code: 2 })
  expect(await run('tokens', 'create', 'x', '--scope', 'some')).toMatchObject({ code: 1 })
  expect(await run('tokens', 'create', 'x', '--scope', 'all', '--expires', 'soon')).toMatchObject({
    code: 2,
    err: 'carillon: --expires expects a duration like 90m or 30d, or a time like 2026-11-28T12:00:00Z\n',
  })
})

test('a token that only reads shows apps, and is told what it cannot do', async () => {
  const token = await makeToken('reader', '--scope', 'read')
  const shown = await withToken(token, 'apps', 'show', 'test-app', '--secrets')
  expect(shown.out).not.toContain(server().app.secret)
  expect(await withToken(token, 'apps', 'rotate', 'test-app')).toMatchObject({ code: 4 })
  expect(await withToken(token, 'channels')).toEqual({
    code: 4,
    out: '',
    err: 'carillon: the token only reads, and sees no secret of test-app: set PUSHER_URL\n',
  })
  expect((await withToken(token, 'stats')).code).toBe(0)
})

test('the audit says who did what, in pages, by app, name and time', async () => {
  const token = await makeToken('maker', '--scope', 'create')
  await withToken(token, 'apps', 'create', 'made by it')
  for (let i = 0; i < 3; i++)
    await withToken(
      token,
      'apps',
      'update',
      'made-by-it',
      '--set',
      `client_events=${i % 2 === 0 ? 'false' : 'true'}`,
    )
  const own = rowsOf(await run('audit', '--app', 'made-by-it', '--actor', 'maker'))
  expect(own.map((row) => row.slice(1, 3))).toEqual([
    ...Array.from({ length: 3 }, () => ['maker', 'app.changed']),
    ['maker', 'app.created'],
  ])
  expect(own[0]!.slice(4)).toEqual(['client_events', '127.0.0.1'])
  expect(rowsOf(await run('audit', '--count', '2', '--action', 'app.changed'))).toHaveLength(2)
  const table = await runOn(server(), 'audit', { isTerminal: true })
  expect(table.out.split('\n').every((line) => line.length <= 80)).toBe(true)
  const [newest] = JSON.parse((await run('audit', '--app', 'made-by-it', '--json')).out)
  expect(newest).toMatchObject({ before: { client_events: true }, after: { client_events: false } })
  const future = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  expect((await run('audit', '--since', future)).out).toBe('')
  expect((await run('audit', '--since', '1h', '--until', future)).out).not.toBe('')
  expect(await run('audit', '--action', 'nothing')).toMatchObject({ code: 1 })
  expect(await run('audit', '--since', 'yesterday')).toMatchObject({ code: 2 })
})

test('what is done to the file is in its audit, too', async () => {
  const file = join(folder, 'carillon.sqlite')
  openDatabase(file).close()
  const { code } = await new Running(['apps', 'create', 'offline', '--database', file], { folder })
    .finished
  expect(code).toBe(0)
  using db = openDatabase(file)
  const terms = {
    appId: undefined,
    actor: undefined,
    action: undefined,
    from: undefined,
    to: undefined,
  }
  const page = auditStore(db).page({
    ...terms,
    limit: 9,
    before: 1e9,
    maxBytes: 1e6,
    ofThisLife: false,
  })
  expect(page.rows.map(({ action, by }) => [action, by.address])).toEqual([
    ['app.created', 'command line'],
  ])
})
