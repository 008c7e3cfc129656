/** A map of many entries: as any other to who uses it, and never one large table. */
import { describe, expect, spyOn, test } from 'bun:test'
import { AddressCounts } from '../../src/core/addresses'
import type { Subscription } from '../../src/core/connection'
import { Departures } from '../../src/core/departures'
import { Facts } from '../../src/core/facts'
import type { SubscribeCommand } from '../../src/core/messages'
import type { ChannelName } from '../../src/core/types'
import { Presence } from '../../src/core/presence'
import { SPREAD, WideMap } from '../../src/core/wide-map'
import { start } from '../harness'
import { makeRandom } from '../random'

const MANY = 3 * SPREAD.from
const keyOf = (index: number): string => `channel-${index}`

function fillMap(count: number): WideMap<string, number> {
  const map = new WideMap<string, number>()
  for (let index = 0; index < count; index++) map.set(keyOf(index), index)
  return map
}

/** Entries of the largest table of the runtime in which a key with `prefix`, or of such a connection, was written or deleted meanwhile. */
function largestTable(prefix: string, act: () => void): number {
  const { set, delete: remove } = Map.prototype
  let most = 0
  const look = (map: Map<unknown, unknown>, key: unknown): void => {
    const id = (key as Partial<Subscription>).conn?.id ?? String(key)
    if (id.startsWith(prefix)) most = Math.max(most, map.size)
  }
  using _set = spyOn(Map.prototype, 'set').mockImplementation(function (
    this: Map<unknown, unknown>,
    key,
    value,
  ) {
    look(this, key)
    return set.call(this, key, value)
  })
  using _delete = spyOn(Map.prototype, 'delete').mockImplementation(function (
    this: Map<unknown, unknown>,
    key,
  ) {
    look(this, key)
    return remove.call(this, key)
  })
  act()
  return most
}

test('it has what a map has, whatever comes and goes', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const next = makeRandom(seed)
  const [wide, plain] = [new WideMap<string, number>(), new Map<string, number>()]
  for (const likely of [0.9, 0.1, 0.9, 0.1]) {
    for (let step = 0; step < MANY; step++) {
      const key = keyOf(Math.floor(next() * MANY))
      if (next() < likely) {
        wide.set(key, step)
        plain.set(key, step)
      } else expect(wide.delete(key)).toBe(plain.delete(key))
      expect(wide.get(key)).toBe(plain.get(key))
      expect(wide.size).toBe(plain.size)
    }
    expect(wide.keys().toSorted()).toEqual([...plain.keys()].toSorted())
    expect([...wide.values()].toSorted()).toEqual([...plain.values()].toSorted())
  }
})

test('a walk sees once what was there all the time, and nothing that is gone', () => {
  const map = fillMap(SPREAD.from - 1)
  const seen: number[] = []
  for (const value of map.values()) {
    seen.push(value)
    if (seen.length === 10) for (let index = 0; index < MANY; index++) map.set(keyOf(index), index)
    if (seen.length === 500) for (let index = 1000; index < MANY; index++) map.delete(keyOf(index))
  }
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index))
})

test('a value is made once', () => {
  const map = fillMap(MANY)
  expect(map.getOrInsertComputed(keyOf(0), () => 7)).toBe(0)
  expect(map.getOrInsertComputed('new', () => 7)).toBe(7)
  expect([map.get('new'), map.size]).toEqual([7, MANY + 1])
})

describe('no table is as large as', () => {
  test('the channels of an app', async () => {
    await using server = await start()
    await using _client = await server.raw()
    const { hub } = server.core
    const presence = new Presence()
    const [conn] = hub.connections()
    const app = conn!.app!
    const names = Array.from({ length: MANY }, (_, index) => keyOf(index) as ChannelName)
    const most = largestTable('channel-', () => {
      for (const name of names) {
        presence.enter(app, name, undefined)
        hub.join(conn!, app, name)
      }
      expect(hub.channelCountOf(app)).toBe(MANY)
      for (const name of names) {
        presence.exit(app, name, undefined)
        hub.leave(conn!.subscription(hub.channel(app, name))!)
      }
    })
    expect(most).toBeLessThanOrEqual(SPREAD.from)
    expect(hub.channelCountOf(app)).toBe(0)
  })

  test('the addresses that hold something', () => {
    const counts = new AddressCounts(1)
    const most = largestTable('10.', () => {
      for (let index = 0; index < MANY; index++) counts.add(`10.0.${index}`)
      expect([counts.size, counts.isFull('10.0.7')]).toEqual([MANY, true])
      for (let index = 0; index < MANY; index++) counts.remove(`10.0.${index}`)
    })
    expect(most).toBeLessThanOrEqual(SPREAD.from)
    expect(counts.size).toBe(0)
  })

  test('the authorisations that end in one second', async () => {
    await using server = await start()
    await using client = await server.raw()
    const { hub, expiries, clock } = server.core
    const [conn] = hub.connections()
    const names = Array.from({ length: MANY }, (_, index) => keyOf(index) as ChannelName)
    const subscriptions = names.map((name) => {
      hub.join(conn!, conn!.app!, name)
      return conn!.subscription(hub.channel(conn!.app!, name))!
    })
    const taken: ChannelName[] = []
    const most = largestTable(client.socketId, () => {
      for (const subscription of subscriptions)
        expiries.begin(subscription, {} as SubscribeCommand, 0, clock.mono())
      expect(expiries.size).toBe(MANY)
      for (const subscription of subscriptions.slice(100)) expiries.end(subscription)
      expiries.advance(clock.mono() + 2000)
      for (let due = expiries.takeDue(); due; due = expiries.takeDue())
        taken.push(due.subscription.channel.name)
    })
    expect(most).toBeLessThanOrEqual(SPREAD.from)
    expect(taken.toSorted()).toEqual(names.slice(0, 100).toSorted())
  })

  test('the departures that are held back', async () => {
    await using server = await start()
    const app = server.core.apps.byId('1')!
    const emitted: string[] = []
    const facts = new Facts()
    const types = ['channel_vacated'] as const
    facts.listen({ types, receive: ({ channel }) => void emitted.push(channel) })
    const { clock, log, counters } = server.core
    const parts = { clock, log, counters, facts, state: { draining: false } }
    const departures = new Departures(parts, 1000)
    const names = Array.from({ length: MANY }, (_, index) => keyOf(index) as ChannelName)
    const most = largestTable('1 channel-', () => {
      for (const channel of names) departures.add({ type: 'channel_vacated', app, channel })
      for (const channel of names.slice(100, -100))
        expect(departures.cancel({ type: 'channel_occupied', app, channel })).toBe(true)
      server.advance(2000)
      server.advance(2000)
      server.advance(2000)
    })
    expect(most).toBeLessThanOrEqual(SPREAD.from)
    expect(emitted).toEqual([...names.slice(0, 100), ...names.slice(-100)])
    departures.stop()
  })
})
