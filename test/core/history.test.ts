/** The streams of all channels: which are kept, how much of them, which are the first to go. */
import { describe, expect, test } from 'bun:test'
import type { App, HistoryRule } from '../../src/core/app'
import { channelKind } from '../../src/core/channel'
import { History } from '../../src/core/history'
import { ruleOf } from '../../src/core/history-rules'
import type { BackendPublication } from '../../src/core/messages'
import type { Work } from '../../src/core/slices'
import type { ChannelName, JsonText, Position } from '../../src/core/types'

const DAY_MS = 86_400_000

const makeRule = (prefix: string, size = 100, seconds = 60): HistoryRule => ({
  prefix,
  size,
  ttl_seconds: seconds,
  durable: false,
  rewind: 0,
})

function makeApp(rules: readonly HistoryRule[], limits: Partial<App['limits']> = {}): App {
  const most = { maxHistoryBytesPerChannel: 1e6, maxHistoryBytesPerApp: 1e6, ...limits }
  return { record: { history: rules }, limits: most } as unknown as App
}

const makeHistory = (maxHistoryBytes = 1e9): History =>
  new History({ maxHistoryBytes }, channelKind)

function append(history: History, app: App, name: string, now = 0, chars = 1): number {
  const channel = name as ChannelName
  const data = JSON.stringify('x'.repeat(chars)) as JsonText
  const rest = {
    type: 'event',
    origin: 'backend',
    event: 'e',
    sender: undefined,
    once: undefined,
  } as const
  const publication: BackendPublication = { ...rest, app, channel, data, except: undefined }
  return (history.append(publication, channelKind(channel), now) as Position).offset
}

/** The offsets that a channel keeps. */
const kept = (history: History, app: App, channel: string, now = 0): number[] =>
  history
    .stream(app, channel as ChannelName, now)!
    .last(Infinity, Infinity)
    .map(({ offset }) => offset)

/** What is left is done at once. */
function finish(work: Work | undefined): void {
  while (work?.step());
}

describe('a rule', () => {
  const COVERED: readonly (readonly [prefix: string, channel: string, isCovered: boolean])[] = [
    ['', 'room', true],
    ['', 'cache-room', true],
    ['', 'private-room', false],
    ['', 'private-encrypted-room', false],
    ['', 'presence-room', false],
    ['', '#server-to-user-7', false],
    ['p', 'private-room', false],
    ['p', 'pool', true],
    ['private', 'privateer', true],
    ['private', 'private-room', false],
    ['private-', 'private-room', true],
    ['private-', 'private-encrypted-cache-room', true],
    ['private-r', 'private-room', true],
    ['private-', 'presence-room', false],
    ['presence-', 'presence-cache-room', true],
    ['pres', 'presence-room', false],
    ['private:', 'private:room', true],
    ['private', 'private:room', false],
    ['#', '#server-to-user-7', false],
    ['#watch', '#watchlist-7', false],
  ]
  test.each(COVERED)('with the prefix "%s" covers %s: %p', (prefix, channel, isCovered) => {
    const app = makeApp([makeRule(prefix)])
    const rule = ruleOf(app, channel as ChannelName, channelKind(channel))
    expect(rule !== undefined).toBe(isCovered)
  })

  test('counts where it is the first of several', () => {
    const app = makeApp([makeRule('room-a', 1), makeRule('room', 2)])
    const history = makeHistory()
    for (const channel of ['room-a', 'room-b'])
      for (let n = 0; n < 3; n++) append(history, app, channel)
    expect([kept(history, app, 'room-a'), kept(history, app, 'room-b')]).toEqual([[3], [2, 3]])
    expect(append(history, app, 'other')).toBe(0)
  })
})

describe('what is too much', () => {
  test('of one channel is given up of that channel', () => {
    const app = makeApp([makeRule('')], { maxHistoryBytesPerChannel: 3000 })
    const history = makeHistory()
    append(history, app, 'quiet')
    for (let n = 0; n < 5; n++) append(history, app, 'busy', 0, 1000)
    expect([kept(history, app, 'quiet'), kept(history, app, 'busy')]).toEqual([[1], [4, 5]])
  })

  test('of one app is given up of its channel that was silent for the longest time', () => {
    const app = makeApp([makeRule('')], { maxHistoryBytesPerApp: 8000 })
    const other = makeApp([makeRule('')])
    const history = makeHistory()
    append(history, other, 'a')
    for (const channel of ['a', 'b', 'a', 'b', 'b']) append(history, app, channel, 0, 1000)
    expect([kept(history, app, 'a'), kept(history, app, 'b')]).toEqual([
      [1, 2],
      [1, 2, 3],
    ])
    append(history, app, 'b', 0, 1000)
    expect([kept(history, app, 'a'), kept(history, app, 'b')]).toEqual([[2], [1, 2, 3, 4]])
    append(history, app, 'b', 0, 1000)
    append(history, app, 'b', 0, 1000)
    expect([kept(history, app, 'a'), kept(history, app, 'b')]).toEqual([[], [1, 2, 3, 4, 5, 6]])
    expect(kept(history, other, 'a')).toEqual([1])
  })

  test('of all is given up of whichever was silent for the longest time', () => {
    const [one, two] = [makeApp([makeRule('')]), makeApp([makeRule('')])]
    const history = makeHistory(6000)
    for (const app of [one, two, two, two]) append(history, app, 'a', 0, 1000)
    expect([kept(history, one, 'a'), kept(history, two, 'a')]).toEqual([[], [1, 2, 3]])
    expect(history.bytes).toBeLessThanOrEqual(6000)
  })

  test('is never an event for a stream that somebody has made up: those push out each other', () => {
    const app = makeApp([makeRule('')], { maxHistoryBytesPerApp: 2000 })
    const history = makeHistory()
    append(history, app, 'room', 0, 1000)
    const { epoch } = history.stream(app, 'room' as ChannelName, 0)!
    const madeUp = (n: number) => history.stream(app, `made-up-${n}` as ChannelName, 0)!.epoch
    const epochs = Array.from({ length: 50_001 }, (_, n) => madeUp(n))
    expect(history.bytes).toBeLessThanOrEqual(2000)
    expect([madeUp(1), madeUp(50_000)]).toEqual([epochs[1]!, epochs[50_000]!])
    expect(madeUp(0)).not.toBe(epochs[0]!)
    expect(history.stream(app, 'room' as ChannelName, 0)!.epoch).toBe(epoch)
    expect(kept(history, app, 'room')).toEqual([1])
  })
})

describe('what nobody needs any more', () => {
  test('is swept: events after their time, then the stream, a day after its last use', () => {
    const app = makeApp([makeRule('', 100, 60)])
    const history = makeHistory()
    append(history, app, 'room', 0, 1000)
    const { epoch } = history.stream(app, 'room' as ChannelName, 0)!
    history.sweep(59_999)
    expect(history.bytes).toBeGreaterThan(1000)
    history.sweep(60_000)
    expect(history.bytes).toBeLessThan(1000)
    expect(history.stream(app, 'room' as ChannelName, 60_000)!.position).toEqual({
      epoch,
      offset: 1,
    })
    history.sweep(60_000 + DAY_MS)
    expect(history.bytes).toBeGreaterThan(0)
    history.sweep(60_001 + DAY_MS)
    expect(history.bytes).toBe(0)
    expect(history.stream(app, 'room' as ChannelName, 0)!.epoch).not.toBe(epoch)
  })

  test('is swept some streams at a time, each of them once in a round', () => {
    const app = makeApp([makeRule('', 100, 1)], { maxHistoryBytesPerApp: 1e9 })
    const history = makeHistory()
    for (let n = 0; n < 5000; n++) append(history, app, `room-${n}`, 0, 500)
    const before = history.bytes
    history.sweep(1000)
    expect(history.bytes).toBeGreaterThan(before / 2)
    append(history, app, 'room-2500', 1000)
    for (let n = 0; n < 2; n++) history.sweep(1000)
    expect(history.bytes).toBeLessThan(5000 * 601 + 1000)
  })

  test('is forgotten some at a time where it never had an event, a day after it was asked for', () => {
    const app = makeApp([makeRule('')])
    const history = makeHistory()
    const madeUp = (n: number) => history.stream(app, `made-up-${n}` as ChannelName, 0)!.epoch
    const epochs = Array.from({ length: 5000 }, (_, n) => madeUp(n))
    history.sweep(1 + DAY_MS)
    expect(madeUp(1999)).not.toBe(epochs[1999]!)
    expect(madeUp(4999)).toBe(epochs[4999]!)
    for (let n = 0; n < 2; n++) history.sweep(1 + DAY_MS)
    expect(madeUp(4999)).not.toBe(epochs[4999]!)
  })

  test('ends at once with its app, and goes in turns, whatever comes meanwhile', () => {
    const app = makeApp([makeRule('')])
    const history = makeHistory()
    for (let n = 0; n < 50; n++) append(history, app, `room-${n}`)
    const bytes = history.bytes / 50
    const [before] = [kept(history, app, 'room-0'), history.forget(app, 'room-7' as ChannelName)]
    const rest = history.forgetApp(app)!
    for (let n = 0; n < 20; n++) rest.step()
    expect([before, history.bytes]).toEqual([[1], 29 * bytes])
    append(history, app, 'room-0')
    finish(rest)
    expect([kept(history, app, 'room-0'), history.bytes]).toEqual([[1], bytes])
  })

  test('is forgotten with its app, its rule, or when it is told to be', () => {
    const rules = [makeRule('')]
    const app = makeApp(rules)
    const history = makeHistory()
    append(history, app, 'a')
    append(history, app, 'b')
    history.forget(app, 'a' as ChannelName)
    history.forget(app, 'nobody' as ChannelName)
    expect([kept(history, app, 'a'), kept(history, app, 'b')]).toEqual([[], [1]])
    finish(history.forgetApp(app))
    expect(history.bytes).toBe(0)
    append(history, app, 'b')
    rules.length = 0
    expect(history.stream(app, 'b' as ChannelName, 0)).toBeUndefined()
    history.sweep(0)
    expect(history.bytes).toBe(0)
  })
})

describe('a stream whose app changes its rules', () => {
  const change = (history: History, app: App, rules: readonly HistoryRule[]): void => {
    Object.assign(app.record, { history: rules })
    history.changeRules(app)
  }
  const epochOf = (history: History, app: App, channel: string) =>
    history.stream(app, channel as ChannelName, 0)!.epoch

  test('begins anew where none covered it for a while: that is missing in it', () => {
    const app = makeApp([makeRule('')])
    const history = makeHistory()
    for (const channel of ['a', 'b']) append(history, app, channel)
    const [a, b] = ['a', 'b'].map((channel) => epochOf(history, app, channel))
    for (const prefix of ['a', '', 'a', '']) change(history, app, [makeRule(prefix, 7)])
    append(history, app, 'c')
    const c = epochOf(history, app, 'c')
    change(history, app, [makeRule('', 9), makeRule('x')])
    expect(['a', 'c'].map((channel) => epochOf(history, app, channel))).toEqual([a!, c])
    expect(epochOf(history, app, 'b')).not.toBe(b!)
    expect([kept(history, app, 'a'), kept(history, app, 'b')]).toEqual([[1], []])
  })

  test('is swept where none covered it, and begins anew after very many changes', () => {
    const app = makeApp([makeRule('')])
    const history = makeHistory()
    for (const channel of ['a', 'b']) append(history, app, channel)
    const before = history.bytes
    for (const prefix of ['a', '']) change(history, app, [makeRule(prefix)])
    history.sweep(0)
    expect(history.bytes).toBe(before / 2)
    const a = epochOf(history, app, 'a')
    for (let n = 0; n < 20; n++) change(history, app, [makeRule(''), makeRule(`x${n}`)])
    expect(epochOf(history, app, 'a')).not.toBe(a)
  })
})
