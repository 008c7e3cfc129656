/**
 * Durable streams over a plain list of rows, which fails and is killed at random: what was answered is there, no offset
 * is given twice, and what was given up does not stay.
 */
import { expect, test } from 'bun:test'
import { channelKind } from '../../src/core/channel'
import { isRefusal } from '../../src/core/errors'
import type { History } from '../../src/core/history'
import { MAX_DISCARDED } from '../../src/core/history-log'
import type { ChannelName, Position } from '../../src/core/types'
import { makeRandom } from '../random'
import { offsetsOf } from './event-list'
import { app, begin, CHANNELS, eventsOf, makeEvent, rule, settle, Tables } from './history-tables'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

/** A life whose log writes nothing once it has ended: its timers are still those of this process. */
function beginLife(tables: Tables) {
  let isOver = false
  const commit: Tables['commit'] = (writes) => {
    if (!isOver) tables.commit(writes)
  }
  const own: Tables = Object.assign(Object.create(tables), { commit })
  return { ...begin(own), end: () => void (isOver = true) }
}

test('lives that end at random keep what was answered, and give no offset twice', async () => {
  const random = makeRandom(seed)
  const tables = new Tables()
  const given = new Map<string, string>()
  /** The last event of each channel that was answered, and how many came after it. */
  const answered = new Map<ChannelName, { readonly name: string; after: number }>()
  const allAnswered = new Map<string, Set<number>>()
  let count = 0
  for (let life = 0; life < 15; life++) {
    const { history, log, end } = beginLife(tables)
    for (const [channel, { name, after }] of answered)
      if (after < rule.size)
        expect(eventsOf(history, channel).map(({ publication }) => publication.event)).toContain(
          name,
        )
    for (const channel of CHANNELS) {
      const offsets = new Set(offsetsOf(eventsOf(history, channel)))
      const { epoch } = history.stream(app, channel, 0)!
      const wanted = [...(allAnswered.get(`${channel} ${epoch}`) ?? [])]
      const [first = Infinity] = offsets
      // No gaps: who was at the first of them has missed the others only.
      expect(wanted.filter((offset) => offset > first && !offsets.has(offset))).toEqual([])
    }
    const steps = Math.floor(random() * 60)
    for (let step = 0; step < steps; step++) {
      tables.isDown = random() < 0.1
      const underWay = new Map<ChannelName, { after: number }[]>()
      const asked = Array.from({ length: Math.ceil(random() ** 6 * 700) }, () => {
        const channel = CHANNELS[Math.floor(random() ** 3 * CHANNELS.length)]!
        const name = `e${count++}`
        const position = history.append(makeEvent(channel, name), channelKind(channel), 0)
        if (isRefusal(position)) return
        const key = `${channel} ${position.epoch}:${position.offset}`
        expect(given.get(key)).toBeUndefined()
        given.set(key, name)
        const last = { name, after: 0 }
        for (const one of [answered.get(channel), ...(underWay.get(channel) ?? [])])
          if (one) one.after++
        underWay.getOrInsertComputed(channel, () => []).push(last)
        return log.committed().then((refused) => {
          if (refused) return
          answered.set(channel, last)
          const known = allAnswered.getOrInsertComputed(
            `${channel} ${position.epoch}`,
            () => new Set<number>(),
          )
          known.add(position.offset)
        })
      })
      if (step === steps - 1 && random() < 0.5) break // killed with all that is under way
      await Promise.all(asked)
      if (random() < 0.02) {
        const channel = CHANNELS[0]!
        if (!history.forget(app, channel)) answered.delete(channel)
      }
    }
    tables.isDown = false
    if (random() < 0.3) history.close()
    else await settle(log)
    end()
  }
  expect(given.size).toBeGreaterThan(2000)
  expect(tables.most).toBeLessThanOrEqual(502)
}, 20_000)

test('what was given up is deleted once it is much, and all of it by the sweep', async () => {
  const tables = new Tables()
  const { history, log } = begin(tables)
  const add = (channel: ChannelName, count: number, chars = 1): void => {
    for (let n = 0; n < count; n++)
      history.append(makeEvent(channel, 'e', chars), channelKind(channel), 0)
  }
  for (let n = 0; n < 40; n++) {
    add(CHANNELS[n % 3]!, 30)
    await settle(log)
    expect(tables.rows.size).toBeLessThan(3 * rule.size + MAX_DISCARDED.rows)
  }
  add(CHANNELS[0]!, 30, 20_000)
  await settle(log)
  add(CHANNELS[0]!, 30, 20_000)
  await settle(log)
  expect(tables.rows.size).toBeLessThan(3 * rule.size + 15)
  add(CHANNELS[0]!, 3)
  await settle(log)
  const { commits } = tables
  history.sweep(0)
  await settle(log)
  expect([tables.rows.size, tables.commits]).toEqual([3 * rule.size, commits + 1])
  history.sweep(0)
  await settle(log)
  expect(tables.commits).toBe(commits + 1)
})

test('a large stream that ends is gone at once, and its events in parts', async () => {
  const tables = new Tables()
  rule.size = 3000
  const { history, log } = begin(tables)
  const [channel] = CHANNELS
  for (let n = 0; n < 2000; n++) history.append(makeEvent(channel!, 'e'), channelKind(channel!), 0)
  await log.committed()
  expect(tables.rows.size).toBe(2000)
  history.forget(app, channel!)
  expect([tables.byId.size, tables.rows.size]).toEqual([0, 2000])
  // Killed in the middle of it, the next life goes on.
  await new Promise(setImmediate)
  expect(tables.rows.size).toBeWithin(1, 2000)
  const next = begin(tables)
  expect(eventsOf(next.history, channel!)).toEqual([])
  for (let turns = 0; tables.rows.size > 0 && turns < 20; turns++) await new Promise(setImmediate)
  expect(tables.rows.size).toBe(0)
  rule.size = 20
})

test('what the store should never do fails for those who wait, and for nobody after them', async () => {
  const tables = new Tables()
  const { history, log } = begin(tables)
  const [channel] = CHANNELS
  const add = () => history.append(makeEvent(channel!, 'e'), channelKind(channel!), 0)
  tables.isBroken = true
  const asked = Array.from({ length: 600 }, () => {
    add()
    return log.committed()
  })
  for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('rejected')
  tables.isBroken = false
  add()
  expect(await log.committed()).toBeUndefined()
  expect(offsetsOf(eventsOf(begin(tables).history, channel!))).toEqual([601])
})

test('while the store fails nothing grows, and what was given up goes when it writes again', async () => {
  const tables = new Tables()
  const { history, log } = begin(tables)
  const [channel] = CHANNELS
  const add = () => history.append(makeEvent(channel!, 'e'), channelKind(channel!), 0)
  for (let n = 0; n < 3 * rule.size; n++) add()
  await settle(log)
  tables.isDown = true
  for (let turn = 0; turn < 50; turn++) {
    for (let n = 0; n < 10; n++) add()
    history.sweep(0)
    await settle(log)
  }
  tables.isDown = false
  add()
  await settle(log)
  history.sweep(0)
  await settle(log)
  // What was kept before is given up, and no event of the outage was written.
  expect(tables.most).toBeLessThan(rule.size * 4)
  const stored = offsetsOf(eventsOf(begin(tables).history, channel!))
  expect(stored).toEqual([3 * rule.size + 501])
})

test('what could not be deleted is deleted in its order: nothing stored has a gap', async () => {
  const tables = new Tables()
  rule.size = 1000
  const { history, log } = begin(tables)
  const [channel] = CHANNELS
  const add = () => history.append(makeEvent(channel!, 'e'), channelKind(channel!), 0)
  for (let n = 0; n < 700; n++) add()
  await settle(log)
  rule.size = 20
  tables.isDown = true
  add()
  await settle(log)
  tables.isDown = false
  history.sweep(0)
  await new Promise(setImmediate)
  rule.size = 1000
  const [first, ...rest] = offsetsOf(eventsOf(begin(tables).history, channel!))
  expect(first).toBeWithin(2, 600)
  expect(rest).toEqual(Array.from({ length: 700 - first! }, (_, n) => first! + 1 + n))
  rule.size = 20
})

test('a new stream with very many events in a turn, killed between two of its transactions, gives no offset twice', async () => {
  const tables = new Tables()
  const [channel] = CHANNELS
  const append = (history: History) =>
    history.append(makeEvent(channel!, 'e'), channelKind(channel!), 0) as Position
  const { history } = begin(tables)
  let last = append(history)
  while (last.offset < 3000) last = append(history)
  while (tables.byId.size === 0) await new Promise(setImmediate)
  expect(tables.rows.size).toBeLessThan(3000)
  const next = append(begin(tables).history)
  expect(next.epoch).toBe(last.epoch)
  expect(next.offset).toBeGreaterThan(3000)
})
