/**
 * Move: an application with live pages and a steady publisher goes over to another server, from soketi to ours and
 * back. How long is a page away, and what does it miss? (`lib/move-trial.ts`, `docs/moving.md`)
 */
import { runMoveTrial, type MoveCase } from './lib/move-trial'
import type { Question } from './lib/question'

type How = Omit<MoveCase, 'label' | 'sides' | 'pages' | 'rooms'>

const SIZE = { pages: 100, rooms: 5 }
const SMALL = { pages: 4, rooms: 2 }

const moveCase = (label: string, how: How): MoveCase => ({ label, ...how, ...SIZE })

const TO_OURS = { direction: 'to ours', keeps: false } as const
const BACK = { direction: 'back', keeps: false } as const

const NOTHING_MISSED = 'publisher first, kept, told 4200'

export const MOVES: readonly MoveCase[] = [
  moveCase('all at once, cut off', { ...TO_OURS, publishes: 'behind the door', leave: 'cut' }),
  moveCase('to both servers, cut off', { ...TO_OURS, publishes: 'to both', leave: 'cut' }),
  moveCase('to both servers, told 4200', { ...TO_OURS, publishes: 'to both', leave: 'told' }),
  moveCase('publisher first, kept, cut off', {
    ...TO_OURS,
    publishes: 'before the pages',
    leave: 'cut',
    keeps: true,
  }),
  moveCase(NOTHING_MISSED, {
    ...TO_OURS,
    publishes: 'before the pages',
    leave: 'told',
    keeps: true,
  }),
  moveCase('back, all at once, cut off', { ...BACK, publishes: 'behind the door', leave: 'cut' }),
  moveCase('back, to both servers, told 4200', { ...BACK, publishes: 'to both', leave: 'told' }),
]

/** Where pages come from in what is published. */
export const MOVED_FROM = 'soketi'

/** The same with few pages, which is as good for what is missed. */
export const SMALL_MOVES: readonly MoveCase[] = MOVES.map((row) => ({ ...row, ...SMALL }))

export const move: Question = {
  name: 'move',
  asks: 'What does a page miss while its application moves to another server?',
  play: runMoveTrial,
  rounds: 3,
  cases: MOVES.map((row) => ({ ...row, sides: [MOVED_FROM] })),
  quickCases: [],
  smokeCases: SMALL_MOVES.filter(({ label }) => label === NOTHING_MISSED),
  subjects: ['stand-in', 'soketi'],
  yardsticks: [],
  figure: { title: 'ms away, median', key: 'gapP50Ms', digits: 0, better: 'less' },
  columns: [
    { title: 'ms away, most', key: 'gapMaxMs', digits: 0 },
    { title: 'ms to hear, most', key: 'latestMs', digits: 0 },
    { title: 's until all were back', key: 'seconds', digits: 2 },
    { title: 'events', key: 'events', digits: 0 },
    { title: 'missed', key: 'missed', digits: 0 },
    { title: 'missed by a page', key: 'missedPerPage', digits: 1 },
    { title: 'refused by one', key: 'failedAtOne', digits: 0 },
    { title: 'vacated by the other', key: 'vacatedByOther', digits: 0 },
    { title: 'falsely vacated', key: 'falselyVacated', digits: 0 },
  ],
  faults: ['missedThoughKept', 'broken', 'repeated', 'misordered', 'absent', 'failed'],
  counted: 'heard',
}
