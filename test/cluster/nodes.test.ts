/** What nodes say of themselves, as anybody may write it: read, refused, and what is known then. */
import { expect, test } from 'bun:test'
import { agreedOf, differencesOf, LIMITS_OF_A_NODE } from '../../src/cluster/nodes/agreed'
import { sharedNames } from '../../src/cluster/nodes/list'
import { KnownNodes } from '../../src/cluster/nodes/known'
import { readCard, readNodeMessage, type NodeBeat } from '../../src/cluster/nodes/wire'
import { readConfig, type Config } from '../../src/config/config'
import { LIMITS } from '../../src/core/limits'
import type { AppId } from '../../src/core/types'

const BEAT: NodeBeat = {
  type: 'beat',
  id: 'a',
  reads: 1,
  card: 'c',
  told: 0,
  sentAt: 7,
  isReady: true,
  connections: 1,
  subscriptions: 2,
  lagMs: undefined,
  busLagMs: 0.5,
  deafMs: 0,
  refusedMessages: 0,
  gaps: 0,
  overflows: 0,
  factsDropped: 0,
  deafChannels: 0,
}
const NUMBERS = {
  type: 'apps',
  id: 'a',
  told: 1,
  isWhole: false,
  connections: [['1', 2]],
  events: [],
}
const CLOSE = { type: 'close', id: 'a', appId: '1', socketId: '1.1', isToReconnect: true }
const ASK = { type: 'ask', id: 'a', number: 1, about: { appId: '1', socketId: '1.1' } }
const ANSWER = { type: 'answer', id: 'a', to: 'b', number: 1, view: {} }
const CARD = { name: 'n', host: 'h', port: 1, version: '1', startedAt: 1, agreed: { a: 'b' } }

const READ = [
  BEAT,
  { ...BEAT, later: 'a field of a later version' },
  NUMBERS,
  { type: 'gone', id: 'a' },
  CLOSE,
  ASK,
  { ...ASK, about: { group: 'm:' } },
  ANSWER,
  { ...ANSWER, view: undefined, text: '' },
]

test('each type is read, and fields of later versions are no mistake', () => {
  for (const message of READ) {
    const text = JSON.stringify(message)
    expect(readNodeMessage(text)).toEqual(JSON.parse(text))
  }
})

const REFUSED = [
  ['', 'null', '[]', '1', '{', '{"type":"beat"}', '{"id":"a"}'],
  [
    { ...BEAT, id: 'a b' },
    { ...BEAT, id: 'x'.repeat(65) },
    { ...BEAT, type: 'constructor' },
  ],
  [
    { ...BEAT, reads: 0 },
    { ...BEAT, connections: -1 },
    { ...BEAT, gaps: 0.5 },
  ],
  [
    { ...BEAT, lagMs: 'x' },
    { ...BEAT, sentAt: null },
    { ...BEAT, isReady: 1 },
  ],
  [
    { ...BEAT, card: 'x'.repeat(300) },
    { ...BEAT, deafMs: -1 },
  ],
  [
    { ...NUMBERS, connections: [['1', -1]] },
    { ...NUMBERS, events: {} },
  ],
  [
    { ...NUMBERS, told: 'x' },
    { ...NUMBERS, connections: [1] },
  ],
  [
    { ...CLOSE, socketId: 1 },
    { ...CLOSE, isToReconnect: 'x' },
  ],
  [
    { ...ASK, about: null },
    { ...ASK, about: {} },
    { ...ASK, number: -1 },
  ],
  [
    { ...ANSWER, to: '' },
    { ...ANSWER, view: 1 },
    { ...ANSWER, view: undefined },
  ],
]

test('what is none is refused', () => {
  for (const message of REFUSED.flat()) {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    expect([text, readNodeMessage(text)]).toEqual([text, undefined])
  }
})

test('a card is read, or is none', () => {
  expect(readCard(JSON.stringify(CARD))).toEqual(CARD as never)
  const wrong = [{}, null, [], { ...CARD, name: 1 }, { ...CARD, agreed: { a: 1 } }]
  for (const card of [...wrong, { ...CARD, port: -1 }, { ...CARD, agreed: undefined }])
    expect(readCard(JSON.stringify(card))).toBeUndefined()
})

test('sums are those of all that are known, and a message that is missing is noticed', () => {
  const known = new KnownNodes()
  const [one, other] = ['1', '2'] as AppId[] as [AppId, AppId]
  const [a, b] = [known.hear(BEAT, 0), known.hear({ ...BEAT, id: 'b' }, 5)]
  const take = (
    node: typeof a,
    told: number,
    isWhole: boolean,
    ...connections: [AppId, number][]
  ) => known.take(node, { type: 'apps', id: node.id, told, isWhole, connections, events: [] })
  expect(take(a, 3, true, [one, 2], [other, 1])).toBe(true)
  expect(take(b, 0, true, [one, 5])).toBe(true)
  expect([known.connectionsOf(one), known.connectionsOf(other)]).toEqual([7, 1])
  expect(take(a, 4, false, [one, 0])).toBe(true)
  expect(take(a, 4, false, [one, 9])).toBe(true) // it is in what was fetched
  expect(take(a, 6, false, [one, 9])).toBe(false)
  expect(known.connectionsOf(one)).toBe(5)
  expect(take(a, 6, true, [other, 2])).toBe(true)
  expect(known.silentSince(1).map(({ id }) => id)).toEqual(['a'])
  known.forget('a')
  expect([known.connectionsOf(one), known.connectionsOf(other)]).toEqual([5, 0])
  for (let n = 0; n < 999; n++) known.hear({ ...BEAT, id: `n${n}` }, 0)
  expect(known.isFull).toBe(true)
})

const NAMESAKES: readonly (readonly [
  what: string,
  isReady: boolean,
  others: object[],
  string[],
])[] = [
  ['another one, heard of for long', true, [{}], ['n']],
  ['one that has just come', true, [{ knownSince: 95_000 }], []],
  ['one that is not heard of any more', true, [{ heardAt: 95_000 }], []],
  ['one that is about to leave', true, [{ beat: { ...BEAT, isReady: false } }], []],
  ['one of which that is all that is known', true, [{ card: undefined }], []],
  ['one beside this one, which leaves', false, [{}], []],
  ['two others', false, [{}, {}], ['n']],
  ['two of other names', true, ['a', 'b'].map((name) => ({ card: { ...CARD, name } })), []],
]

test.each(NAMESAKES)('a name is that of several: %s', (_what, isReady, others, names) => {
  const known = others.map((other) => ({
    card: CARD,
    beat: BEAT,
    heardAt: 99_000,
    knownSince: 5,
    ...other,
  }))
  expect([...sharedNames({ name: 'n', isReady }, known as never, 100_000)]).toEqual(names)
})

test('limits of channels and apps have to agree, those of a process have not', () => {
  const config = readConfig({})
  const of = (limits: Partial<Config['limits']>) =>
    agreedOf({ ...config, limits: { ...config.limits, ...limits } }, [], [])
  const differing = Object.keys(LIMITS).filter(
    (name) => differencesOf(of({}), of({ [name]: 77 })).length > 0,
  )
  const free: readonly string[] = LIMITS_OF_A_NODE
  expect(differing).toEqual(Object.keys(LIMITS).filter((name) => !free.includes(name)))
  const app = { ...config, id: '1' } as never
  const plugin = (settings: object) => agreedOf(config, [{ name: 'p', settings }], [app])
  expect(differencesOf(plugin({}), plugin({})).length).toBe(0)
  expect(differencesOf(plugin({}), plugin({ a: 1 })).map(({ what }) => what)).toEqual(['plugin p'])
  expect(differencesOf(plugin({}), agreedOf(config, [], [])).map(({ what }) => what)).toEqual([
    'plugins',
    'apps provided',
  ])
})
