/** The judge finds nothing in a journal that is right, and each kind of wrong in one that is not. */
import { expect, test } from 'bun:test'
import type { Journal, NewEntry } from '../journal'
import { judge } from './judge'

const ROOM = 'presence-room'
const HEARD = { type: 'heard' } as const
const occupied = { name: 'channel_occupied', channel: ROOM }
const added = (user: string) => ({ name: 'member_added', channel: ROOM, user })
const removed = (user: string) => ({ name: 'member_removed', channel: ROOM, user })
type Hook = { readonly name: string; readonly channel: string; readonly user?: string }
const webhook = (fact: Hook, timeMs = 0): NewEntry => ({
  type: 'webhook',
  body: `${timeMs} ${JSON.stringify(fact)}`,
  timeMs,
  ...fact,
})
const ON_A = { type: 'connected', conn: 1, node: 'a' } as const
const ON_B = { type: 'connected', conn: 2, node: 'b' } as const
const JOINED: readonly NewEntry[] = [
  ON_A,
  { type: 'subscribed', sub: 1, conn: 1, channel: ROOM, members: ['ada'], user: 'ada' },
  webhook(occupied),
  webhook(added('ada')),
  ON_B,
  { type: 'subscribed', sub: 2, conn: 2, channel: ROOM, members: ['ada', 'bob'], user: 'bob' },
  { type: 'added', sub: 1, user: 'bob' },
  webhook(added('bob')),
]
const COUNTED = { type: 'counted', node: 'b', channel: ROOM } as const
const TOLD: readonly NewEntry[] = [
  { type: 'quiet' },
  { type: 'listed', node: 'a', channels: [ROOM] },
  { ...COUNTED, subscriptions: 2, users: ['bob', 'ada'] },
]
const LEFT: readonly NewEntry[] = [
  { type: 'disconnected', conn: 2 },
  { type: 'removed', sub: 1, user: 'bob' },
  webhook(removed('bob')),
]
const accepted = (event: string): NewEntry => ({
  type: 'accepted',
  event,
  channel: ROOM,
  since: -1,
})
/** Two plain subscriptions on two nodes. */
const PLAIN: readonly NewEntry[] = [
  ON_A,
  ON_B,
  { type: 'subscribed', sub: 1, conn: 1, channel: 'x' },
  { type: 'subscribed', sub: 2, conn: 2, channel: 'x' },
  webhook({ name: 'channel_occupied', channel: 'x' }),
]
const heard = (sub: number, event: string): NewEntry => ({ ...HEARD, sub, event })
const acceptedOf = (event: string): NewEntry => ({ ...accepted(event), channel: 'x' }) as NewEntry
/** Both hear an event that was accepted. */
const ONE: readonly NewEntry[] = [acceptedOf('e1'), heard(1, 'e1'), heard(2, 'e1')]
/** A page that gets what it missed. */
const PAGE: readonly NewEntry[] = [
  ON_A,
  { type: 'subscribed', sub: 1, conn: 1, channel: 'x', isKept: true },
  webhook({ name: 'channel_occupied', channel: 'x' }),
  acceptedOf('e1'),
  { type: 'disconnected', conn: 1 },
  ON_B,
]
const back = (recovered: boolean): NewEntry => ({ type: 'resumed', sub: 1, conn: 2, recovered })
const deaf = (node: string, since: number, until: number): NewEntry => ({
  type: 'deaf',
  node,
  since,
  until,
})
/** Ada watches Bob, who comes and goes. */
const WATCHED: readonly NewEntry[] = [
  ON_A,
  { type: 'signed_in', conn: 1, user: 'ada', watched: ['bob'] },
  { type: 'offline', conn: 1, user: 'bob' },
  ON_B,
  { type: 'signed_in', conn: 2, user: 'bob', watched: [] },
  { type: 'online', conn: 1, user: 'bob' },
]

/** An entry is written every ten seconds; an event is published a moment before it is accepted. */
const write = (entries: readonly NewEntry[]): Journal =>
  entries.map((entry, index) => {
    const at = index * 10_000
    return { ...entry, at, ...(entry.type === 'accepted' && entry.since < 0 && { since: at - 10 }) }
  })

const rulesOf = (entries: readonly NewEntry[]): string[] => [
  ...new Set(judge(write(entries)).map(({ rule }) => rule)),
]

const RIGHT: readonly (readonly [string, readonly NewEntry[]])[] = [
  ['two join, and are counted', [...JOINED, ...TOLD]],
  ['one leaves', [...JOINED, ...LEFT]],
  ['a webhook comes again', [...JOINED, ...LEFT, webhook(removed('bob'))]],
  ['both hear what was accepted', [...PLAIN, ...ONE]],
  [
    'one hears what came after the other had left',
    [...PLAIN, { type: 'unsubscribed', sub: 2 }, acceptedOf('e1'), heard(1, 'e1')],
  ],
  [
    'what comes after an unsubscribe does not count',
    [...PLAIN, ...ONE, { type: 'unsubscribed', sub: 2 }, heard(2, 'e1')],
  ],
  ['a node was deaf', [...PLAIN, acceptedOf('e1'), heard(1, 'e1'), deaf('b', 50_000, 60_000)]],
  [
    'a page gets what it missed',
    [...PAGE, acceptedOf('e2'), back(true), heard(1, 'e1'), heard(1, 'e2')],
  ],
  ['a page is told that something is lost', [...PAGE, back(false)]],
  [
    'Redis has lost it, and the node was deaf',
    [...PAGE, deaf('a', 30_000, 35_000), { type: 'redis_lost_data' }, back(true)],
  ],
  [
    'Redis has lost the key of a repeat',
    [
      ...PLAIN,
      heard(1, 'e1'),
      { type: 'redis_lost_data' },
      { type: 'accepted', event: 'e1', channel: 'x', since: 45_000 },
      heard(1, 'e1'),
      heard(2, 'e1'),
    ],
  ],
  [
    'a watchlist',
    [...WATCHED, { type: 'disconnected', conn: 2 }, { type: 'offline', conn: 1, user: 'bob' }],
  ],
]

test.each(RIGHT)('nothing is wrong where %s', (_, entries) => {
  expect(judge(write(entries))).toEqual([])
})

const told = (change: object): readonly NewEntry[] => [
  ...JOINED,
  { ...COUNTED, subscriptions: 2, users: ['ada', 'bob'], ...change },
]

const WRONG: readonly (readonly [rule: string, what: string, readonly NewEntry[]])[] = [
  ['processes', 'a process has ended', [{ type: 'failed', node: 'a', what: 'ended with 1' }]],
  ['replicas', 'a node counts a ghost', told({ subscriptions: 3 })],
  ['replicas', 'a node lists a ghost', told({ users: ['ada', 'bob', 'eve'] })],
  ['replicas', 'a node does not know of a member', told({ users: ['ada'] })],
  [
    'replicas',
    'a node lists a channel that is empty',
    [...JOINED, { type: 'listed', node: 'a', channels: [ROOM, 'x'] }],
  ],
  [
    'replicas',
    'a node does not list a channel',
    [...JOINED, { type: 'listed', node: 'a', channels: [] }],
  ],
  ['replicas', 'a client was not told who came', JOINED.filter(({ type }) => type !== 'added')],
  [
    'replicas',
    'a client was not told who left',
    [...JOINED, ...LEFT].filter(({ type }) => type !== 'removed'),
  ],
  ['transitions', 'somebody comes twice', [...JOINED, { type: 'added', sub: 1, user: 'bob' }]],
  [
    'transitions',
    'somebody leaves twice',
    [...JOINED, ...LEFT, { type: 'removed', sub: 1, user: 'bob' }],
  ],
  [
    'transitions',
    'somebody is told of themselves',
    [...JOINED, { type: 'added', sub: 1, user: 'ada' }],
  ],
  ['repeats', 'an event is heard twice', [...PLAIN, ...ONE, heard(2, 'e1')]],
  [
    'repeats',
    'a page hears again what it had',
    [...PAGE.slice(0, 4), heard(1, 'e1'), ...PAGE.slice(4), back(true), heard(1, 'e1')],
  ],
  [
    'order',
    'two hear two events in two orders',
    [...PLAIN, heard(1, 'e1'), heard(1, 'e2'), heard(2, 'e2'), heard(2, 'e1')],
  ],
  ['losses', 'an accepted event is not heard', [...PLAIN, ...ONE.slice(0, 2)]],
  [
    'losses',
    'one who has left later did not hear it',
    [
      ...PLAIN,
      ...ONE.slice(0, 2),
      acceptedOf('e2'),
      heard(1, 'e2'),
      heard(2, 'e2'),
      { type: 'unsubscribed', sub: 2 },
    ],
  ],
  ['losses', 'another node was deaf', [...PLAIN, ...ONE.slice(0, 2), deaf('a', 50_000, 60_000)]],
  ['losses', 'the node was deaf later', [...PLAIN, ...ONE.slice(0, 2), deaf('b', 65_000, 90_000)]],
  ['losses', 'a page is told that it has all', [...PAGE, back(true)]],
  ['losses', 'a page lost it to a deaf node', [...PAGE, deaf('a', 30_000, 35_000), back(true)]],
  [
    'webhooks',
    'a channel is vacated that is not',
    [...JOINED, webhook({ name: 'channel_vacated', channel: ROOM })],
  ],
  [
    'webhooks',
    'an arrival is not told',
    JOINED.filter((entry) => entry.type !== 'webhook' || entry.user !== 'bob'),
  ],
  ['webhooks', 'an arrival is told as two', [...JOINED, webhook(added('bob'), 1)]],
  ['webhooks', 'a departure is not told', [...JOINED, ...LEFT.slice(0, 2)]],
  [
    'webhooks',
    'they come in another order',
    [...JOINED.slice(0, -1), webhook(removed('bob')), webhook(added('bob'))],
  ],
  ['watchlists', 'somebody is not told who is there', WATCHED.slice(0, -1)],
  ['watchlists', 'somebody is told twice', [...WATCHED, { type: 'online', conn: 1, user: 'bob' }]],
  ['watchlists', 'nobody is told who left', [...WATCHED, { type: 'disconnected', conn: 2 }]],
]

test.each(WRONG)('%s: %s', (rule, _, entries) => {
  expect(rulesOf(entries)).toContain(rule)
})
