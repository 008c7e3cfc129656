/** Messages that have waited behind a snapshot: which of them are delivered, and whether some were not heard. */
import { expect, test } from 'bun:test'
import { heardOf, lacksSome, putOff } from '../../src/cluster/heard'
import type { FullName } from '../../src/cluster/names'
import { Replica } from '../../src/cluster/replica'
import type { Snapshot } from '../../src/cluster/snapshot'
import { VERSION } from '../../src/cluster/wire'
import { NOT_KEPT } from '../../src/core/stream'

const [OLD, NEW] = ['olds', 'news']

/** A channel of which the node has the messages up to 5. */
function replicaWith(queued: readonly (readonly [epoch: string, rev: number])[]): Replica {
  const replica = new Replica('1/room' as FullName, 0, { presence: false, cache: false }, 0)
  replica.epoch = OLD
  replica.rev = 5
  for (const [epoch, rev] of queued)
    putOff(replica, `[${VERSION},"${epoch}",${rev},"e","said",null,null]\n"x"`)
  return replica
}

const CASES = [
  { says: 'all of them', queued: [6, 7, 8], heard: [6, 7, 8], lacks: false },
  { says: 'one is missing', queued: [6, 8], heard: [6, 8], lacks: true },
  {
    says: 'what was known and what comes later',
    queued: [5, 6, 7, 8, 9],
    heard: [6, 7, 8],
    lacks: false,
  },
  {
    says: 'one comes twice, and another is missing',
    queued: [6, 6, 8],
    heard: [6, 8],
    lacks: true,
  },
  {
    says: 'all come twice, by two connections',
    queued: [6, 7, 6, 7, 8],
    heard: [6, 7, 8],
    lacks: false,
  },
  { says: 'those of an earlier life', queued: [6, 7, 8], epoch: NEW, heard: [], lacks: true },
]

test.each(CASES)('$says', ({ queued, epoch = OLD, heard, lacks }) => {
  const replica = replicaWith(queued.map((rev) => [OLD, rev]))
  const snapshot = { epoch, rev: 8, position: NOT_KEPT, isWhole: true, others: 0 } as Snapshot
  const found = heardOf(replica, snapshot, VERSION)
  expect(found.map(({ rev }) => rev)).toEqual(heard)
  expect(lacksSome(replica, snapshot, found)).toBe(lacks)
})

const COUNTED = [
  { says: 'only counts were missed', events: [], others: 5, lacks: false },
  { says: 'one of the messages that were missed is an event', events: [], others: 4, lacks: true },
  { says: 'counts were missed, and all events were heard', events: [7], others: 4, lacks: false },
  { says: 'two of three events were heard', events: [7, 8], others: 2, lacks: true },
]

test.each(COUNTED)('$says', ({ events, others, lacks }) => {
  const replica = replicaWith(events.map((rev) => [OLD, rev]))
  replica.others = 2
  const snapshot = { epoch: OLD, rev: 8, position: NOT_KEPT, isWhole: true, others } as Snapshot
  expect(lacksSome(replica, snapshot, heardOf(replica, snapshot, VERSION))).toBe(lacks)
})
