/** Workers: what they need, where their databases are, and the order in which they listen. Their processes: test/field. */
import { describe, expect, test } from 'bun:test'
import { readConfig } from '../src/config/config'
import { coresWithin } from '../src/config/cores'
import { databaseOfWorker, workersMistakes } from '../src/config/workers-settings'
import type { FromParent } from '../src/workers/messages'
import { Turns } from '../src/workers/turns'

test.each([
  [8, [], 8],
  [8, ['max 100000\n'], 8],
  [8, ['400000 100000\n'], 4],
  [8, ['max 100000\n', '350000 100000\n', '600000 100000\n'], 3],
  [8, ['20000 100000\n'], 1],
  [2, ['400000 100000\n'], 2],
])('of %d cores with quotas %j %d are used', (cores, quotas, used) => {
  expect(coresWithin(cores, quotas)).toBe(used)
})

test.each([
  ['carillon.sqlite', 1, 'carillon.sqlite'],
  ['carillon.sqlite', 2, 'carillon.2.sqlite'],
  ['/var/lib/carillon/db.sqlite', 12, '/var/lib/carillon/db.12.sqlite'],
  ['data/carillon', 3, 'data/carillon.3'],
  [':memory:', 2, ':memory:'],
])('%s of worker %d is %s', (path, worker, own) => {
  expect(databaseOfWorker(path, worker)).toBe(own)
})

describe('the setting', () => {
  const mistakesOf = (env: Record<string, string>): readonly string[] => {
    try {
      readConfig(env)
      return []
    } catch (cause) {
      return (cause as { mistakes: string[] }).mistakes
    }
  }
  const redis = { CARILLON_REDIS_URL: 'redis://127.0.0.1:1' }

  test('is a number, or that of the cores', () => {
    const cores = readConfig({ CARILLON_WORKERS: 'auto', ...redis }).workers
    expect(cores).toBeGreaterThanOrEqual(1)
    expect(readConfig({}).workers).toBe(1)
    expect(readConfig({ CARILLON_WORKERS: '3', ...redis }).workers).toBe(3)
    expect(mistakesOf({ CARILLON_WORKERS: '0' })).toEqual([
      'CARILLON_WORKERS=0: expected auto, or an integer from 1 to 256',
    ])
  })

  test('says what several workers lack', () => {
    expect(mistakesOf({ CARILLON_WORKERS: '2' })).toEqual([
      'CARILLON_WORKERS=2: 2 workers: expected CARILLON_REDIS_URL too, by which they are one server: without it each would have its own channels and members',
    ])
    expect(mistakesOf({ CARILLON_WORKERS: '2', HOST: 'unix:/run/a.sock', ...redis })).toEqual([
      'CARILLON_WORKERS=2: 2 workers: expected no unix:/run/a.sock: the file of a socket cannot be shared',
    ])
    const admins = { CARILLON_ADMIN_LISTEN: 'unix:/run/b.sock' }
    expect(mistakesOf({ CARILLON_WORKERS: '2', ...admins, ...redis })).toHaveLength(1)
    const values = { workers: 2, redisUrl: 'redis://a', host: '::1', adminListen: undefined }
    expect(workersMistakes(values, 'darwin')).toEqual([
      '2 workers: expected 1, since only Linux spreads connections over processes',
    ])
    expect(workersMistakes({ ...values, workers: 1, redisUrl: undefined }, 'darwin')).toEqual([])
  })
})

test('workers listen one after the other, and the last takes the place of one that has ended', () => {
  const turns = new Turns()
  const told: [number, boolean][] = []
  const processes = Array.from({ length: 4 }, (_, index) => ({
    send: (message: FromParent) =>
      void (message.type === 'listen' && told.push([index, message.isShared])),
  }))
  const [first, second, third, fourth] = processes as [never, never, never, never]
  turns.ask(first)
  turns.ask(second)
  turns.ask(third)
  expect(told).toEqual([[0, false]]) // the others wait
  turns.note(first)
  turns.remove(second) // has ended in its turn
  expect(told.splice(0)).toEqual([
    [0, false],
    [1, true],
    [2, true],
  ])
  turns.note(third)
  turns.ask(fourth)
  turns.note(fourth)
  const ranks = () => processes.map((process) => turns.rankOf(process)?.index)
  expect(ranks()).toEqual([0, undefined, 1, 2])
  turns.remove(first)
  expect(ranks()).toEqual([undefined, undefined, 1, 0])
  expect(turns.rankOf(third, fourth)).toEqual({ index: 1, count: 2, to: 0 })
  expect(turns.rankOf(third, second)).toEqual({ index: 1, count: 2, to: undefined })
  turns.remove(fourth)
  expect(turns.rankOf(third)).toBeUndefined() // nobody else listens
  turns.remove(third)
  turns.ask(first)
  expect(told.at(-1)).toEqual([0, false])
})
