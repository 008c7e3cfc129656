/** `carillon apps`, of a server and of a file. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockDatabase } from '../../src/store/files'
import { openDatabase } from '../../src/store/sqlite'
import { startCommon } from '../harness'
import { Running, rowsOf, runOn, type Outcome, type RunOptions } from './run'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'carillon.sqlite')
openDatabase(file).close()

const server = startCommon()
type Run = (args: readonly string[], options?: RunOptions) => Promise<Outcome>
const DOORS: readonly (readonly [name: string, run: Run])[] = [
  ['a server', (args, options) => runOn(server(), args, options)],
  [
    'a file',
    (args, options = {}) =>
      new Running([...args, '--database', file], { folder, ...options }).finished,
  ],
]

describe.each(DOORS)('apps of %s', (_name, run) => {
  test('are created, shown, changed, rotated, retired and deleted', async () => {
    const created = await run([
      'apps',
      'create',
      'My shop',
      '--set',
      'limits={"max_presence_members":5}',
      '--json',
    ])
    expect([created.code, created.err]).toEqual([0, ''])
    const app = JSON.parse(created.out)
    expect(app).toMatchObject({
      slug: 'my-shop',
      limits: { max_presence_members: 5 },
      active: true,
    })
    expect(app.secret).toHaveLength(36)

    const listed = await run(['apps', 'list'])
    expect(rowsOf(listed).at(-1)).toEqual([String(app.id), 'my-shop', 'My shop', app.key, 'active'])
    const table = await run(['apps', 'list'], { isTerminal: true })
    expect(table.out).toStartWith('ID')
    expect(Math.max(...table.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)

    const shown = await run(['apps', 'show', 'my-shop'])
    expect(rowsOf(shown)).toContainEqual(['secret', '***'])
    for (const { out } of [shown, listed, await run(['apps', 'list', '--json'])])
      expect(out).not.toContain(app.secret)
    expect((await run(['apps', 'show', String(app.id), '--secrets'])).out).toContain(app.secret)

    const changed = await run([
      'apps',
      'update',
      'my-shop',
      '--set',
      'active=false',
      '--set',
      'name=Old shop',
      '--json',
    ])
    expect(JSON.parse(changed.out)).toMatchObject({
      active: false,
      slug: 'old-shop',
      secret: '***',
    })

    const rotated = JSON.parse((await run(['apps', 'rotate', 'old-shop', '--json'])).out)
    expect(rotated.key).not.toBe(app.key)
    expect((await run(['apps', 'rotate', 'old-shop'])).err).toContain('keys are 2 already')
    const retired = JSON.parse((await run(['apps', 'retire', 'old-shop', app.key, '--json'])).out)
    expect(retired.keys).toEqual([{ key: rotated.key, secret: '***' }])
    expect((await run(['apps', 'retire', 'old-shop', app.key])).code).toBe(5)
    expect((await run(['apps', 'retire', 'old-shop', rotated.key])).code).toBe(1)

    expect(await run(['apps', 'delete', 'old-shop'])).toMatchObject({ code: 2 })
    expect(await run(['apps', 'delete', 'old-shop'], { isTerminal: true, answer: 'yes' })).toEqual({
      code: 1,
      out: '',
      err: 'carillon: nothing is deleted\n',
    })
    const deleted = await run(['apps', 'delete', 'old-shop'], {
      isTerminal: true,
      answer: 'old-shop',
    })
    expect(deleted).toEqual({ code: 0, out: 'old-shop is deleted\n', err: '' })
    expect(await run(['apps', 'show', 'old-shop'])).toEqual({
      code: 5,
      out: '',
      err: 'carillon: the app old-shop is not there\n',
    })
  })

  test('are checked alike', async () => {
    await run(['apps', 'create', 'Taken', '--fields', '-'], {
      input: '{"key":"k-1","secret":"s-1"}',
    })
    const refused = async (...args: readonly string[]): Promise<string> => {
      const { code, err } = await run(args)
      expect(code).toBe(1)
      return err.replace(/refused( with 422)?: /, '')
    }
    expect(await refused('apps', 'create', 'ab')).toBe(
      'carillon: name should be at least 5 character(s)\n',
    )
    expect(await refused('apps', 'create', 'Taken')).toContain('name has already been taken')
    expect(await refused('apps', 'update', 'taken', '--set', 'nme=x')).toContain(
      'nme is unknown; known are name,',
    )
    expect(await refused('apps', 'update', 'taken', '--set', 'history=[{}]')).toContain(
      'carillon: history ',
    )
    expect((await run(['apps', 'delete', 'taken', '--yes', '--json'])).out).toStartWith(
      '{"deleted":',
    )
  })
})

test('webhooks are shown without passwords and headers', async () => {
  const webhooks = [{ url: 'http://user:pass-1@127.0.0.1:1/', headers: { 'x-token': 'pass-2' } }]
  const create = ['apps', 'create', 'hooked', '--set', `webhooks=${JSON.stringify(webhooks)}`]
  expect((await runOn(server(), create)).code).toBe(0)
  const { out } = await runOn(server(), 'apps show hooked')
  expect(out).toContain('"url":"http://***@127.0.0.1:1/","headers":{"x-token":"***"}')
  expect((await runOn(server(), 'apps show hooked --secrets')).out).toContain('pass-2')
  expect((await runOn(server(), 'apps delete hooked --yes')).code).toBe(0)
})

test('a secret that is typed is warned of', async () => {
  const { err } = await runOn(server(), [
    'apps',
    'create',
    'typed',
    '--set',
    'secret=s-9',
    '--json',
  ])
  expect(err).toBe(
    'carillon: a secret in --set is shown to everybody by `ps`: --fields takes it from a file\n',
  )
  expect((await runOn(server(), 'apps delete typed --yes')).code).toBe(0)
})

test('a database that a server uses is refused, and one that is not there', async () => {
  const unlock = lockDatabase(file, 0)!
  const used = await new Running(['apps', 'list', '--database', file], { folder }).finished
  unlock()
  expect([used.code, used.err]).toEqual([
    3,
    `carillon: ${file} is in use by a server: leave --database out, and the server makes the change\n`,
  ])
  const absent = await new Running(['apps', 'list', '--database', 'none'], { folder }).finished
  expect([absent.code, absent.err]).toEqual([
    5,
    `carillon: --database: there is no file ${folder}/none\n`,
  ])
})
