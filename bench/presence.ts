/**
 * Presence: what does a join cost when everybody joins at once? Each gets the list of those who are there, and all
 * who are there are notified: a thousand members are half a million messages.
 */
import { playLoad } from './lib/play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { OTHERS } from './lib/sides'
import { groupDigits } from './lib/crowds'
import type { PresenceCase } from './loads/presence'

export const makePresenceCase = (members: number): PresenceCase => ({
  label: `${groupDigits(members)} members`,
  members,
})

export const presence: Question = {
  name: 'presence',
  asks: 'What does it cost when all members of a channel join at once?',
  play: playLoad('presence.ts'),
  cases: [makePresenceCase(100), makePresenceCase(1000)],
  quickCases: [makePresenceCase(200)],
  smokeCases: [makePresenceCase(50)],
  subjects: ['carillon'],
  yardsticks: OTHERS,
  figure: {
    title: 'joins per server-CPU-second',
    key: 'joinsPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: 'per second', key: 'joinsPerSecond', digits: 0 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS,
  ],
  faults: ['miscounted'],
  counted: 'joins',
}
