/**
 * Durable streams over a plain list of rows, which fails and is killed at random: what was answered is there, no offset
 * is given twice, and what was given up does not stay.
 */
import { expect, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { channelKind } from '../../src/core/channel'
import { isRefusal, RealtimeError } from '../../src/core/errors'
import { History } from '../../src/core/history'
import { HistoryLog, MAX_DISCARDED, type HistoryStore } from '../../src/core/history-log'
import { jsonText } from '../../src/core/json'
import type { BackendPublication } from '../../src/core/messages'
import type { AppId, ChannelName, JsonText, Position } from '../../src/core/types'
import { makeRandom } from '../random'
import { offsetsOf } from './event-list'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

type Row = { stream: number; offset: number; name: JsonText; at: number; data: JsonText }
type StreamRow = { appId: string; channel: ChannelName; epoch: string; reserved: number }

/** Two tables: all that outlives a crash. */
class Tables implements HistoryStore {
  readonly byId = new Map<number, StreamRow & { isClosed: boolean }>()
  readonly rows = new Map<number, Row>()
  isDown = false
  isBroken = false
  commits = 0
  most = 0

  commit(writes: Parameters<HistoryStore['commit']>[0]): void {
    if (this.isBroken) throw new Error('a constraint')
    if (this.isDown) throw new RealtimeError('store_unavailable', 'down')
    this.commits++
    this.most = Math.max(this.most, writes.length)
    for (const write of writes) this.#write(write)
  }

  endEpochs(): void {}

  *streams() {
    for (const [id, stream] of this.byId) yield { id, ...stream }
  }

  *events() {
    for (const [row, event] of this.rows)
      yield { row, ...event, except: undefined, once: undefined }
  }

  #write(write: Parameters<HistoryStore['commit']>[0][number]): void {
    if (write.type === 'reserve') {
      const { id, appId, channel, epoch } = write.stream
      for (const [other, known] of this.byId)
        if (known.appId === appId && known.channel === channel) this.byId.delete(other)
      this.byId.set(id, {
        appId,
        channel,
        epoch,
        reserved: write.reserved,
        isClosed: write.isClosed,
      })
    } else if (write.type === 'append') {
      const { row, stream, at } = write
      const { offset, publication } = write.event
      const { event, data } = publication
      this.rows.set(row, { stream, offset, name: jsonText(event), data, at })
    } else {
      for (const id of write.streams) this.byId.delete(id)
      for (const row of write.rows) this.rows.delete(row)
    }
  }
}

const rule = { prefix: '', size: 20, ttl_seconds: 600, durable: true, rewind: 0 }
const limits = { maxHistoryBytesPerChannel: 1e6, maxHistoryBytesPerApp: 1e6 }
const app = { id: '1' as AppId, record: { history: [rule] }, limits } as unknown as App
const CHANNELS = ['a', 'b', 'c'] as ChannelName[]

function begin(tables: Tables): { readonly history: History; readonly log: HistoryLog } {
  const log = new HistoryLog(tables)
  const history = new History({ maxHistoryBytes: 1e9 }, channelKind, { log, clock: Date })
  history.load(
    () => app,
    0,
    () => undefined,
  )
  return { history, log }
}

const makeEvent = (channel: ChannelName, event: string, chars = 1): BackendPublication => ({
  type: 'event',
  origin: 'backend',
  app,
  channel,
  event,
  data: JSON.stringify('x'.repeat(chars)) as JsonText,
  sender: undefined,
  except: undefined,
  once: undefined,
})

const eventsOf = (history: History, channel: ChannelName) =>
  history.stream(app, channel, 0)!.last(Infinity, Infinity)

/** Lets the log write all that it has. */
async function settle(log: HistoryLog): Promise<void> {
  for (let n = 0; n < 3; n++) await log.committed()
  await new Promise(setImmediate)
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
    const { history, log } = begin(tables)
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
