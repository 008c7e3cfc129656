/**
 * Nodes: what does it cost that several servers are one? Events are published on one node for subscribers on another;
 * as many subscribers on each node; members of one channel on both. The CPU time is that of all nodes, without Redis'.
 */
import { makeCrowd, makeCrowdCase, publishAtRate } from './lib/crowds'
import { playLoad } from './lib/play'
import type { Question } from './lib/question'
import { swarmQuestion } from './fanout'
import { makePresenceCase, presence } from './presence'
import { ONE_CHANNEL, trigger } from './trigger'

const ACROSS = makeCrowd({ placement: 'across' })
const EACH = makeCrowd({ placement: 'each' })
const ONE = makeCrowd({ subscribers: 1, publishers: 64, pace: { inFlight: 64 } })

/** Labels that targets name. */
export const NODES = {
  across: '1 000 on the other',
  acrossAtRate: '1 000 on the other, at 125/s',
  eachAtRate: '1 000 for each, at 125/s',
} as const

export const WORKERS = { each: '1 000 for each' } as const

const SIDES = {
  subjects: ['nodes'],
  yardsticks: ['carillon', 'over-redis', 'soketi-nodes'],
} as const

export const nodesFanout: Question = {
  ...swarmQuestion,
  ...SIDES,
  name: 'nodes-fanout',
  asks: 'What does one delivery cost where the publisher is on another node?',
  play: playLoad('swarm.ts'),
  cases: [
    { ...makeCrowdCase(ACROSS), label: NODES.across },
    {
      ...makeCrowdCase(makeCrowd({ placement: 'across', ...publishAtRate(125) })),
      label: NODES.acrossAtRate,
    },
    { ...makeCrowdCase(EACH), label: WORKERS.each },
    {
      ...makeCrowdCase(makeCrowd({ placement: 'each', ...publishAtRate(125) })),
      label: NODES.eachAtRate,
    },
    { ...makeCrowdCase(ONE), label: 'one subscriber, 64 under way' },
  ],
  quickCases: [],
  smokeCases: [
    {
      ...makeCrowdCase(makeCrowd({ subscribers: 20, placement: 'each' })),
      label: '20 on each',
      sides: ['nodes'],
    },
  ],
}

export const workersFanout: Question = {
  ...swarmQuestion,
  subjects: ['workers'],
  yardsticks: ['over-redis'],
  name: 'workers-fanout',
  asks: 'What does one delivery cost where two processes share a port, each with its subscribers?',
  play: playLoad('swarm.ts'),
  cases: [{ ...makeCrowdCase(EACH), label: WORKERS.each }],
  quickCases: [],
  smokeCases: [],
}

export const nodesPresence: Question = {
  ...presence,
  ...SIDES,
  name: 'nodes-presence',
  asks: 'What does a join cost where members are on two nodes?',
  cases: [makePresenceCase(100), makePresenceCase(1000)],
  quickCases: [],
  smokeCases: [],
}

export const nodesTrigger: Question = {
  ...trigger,
  subjects: ['over-redis'],
  yardsticks: ['carillon'],
  name: 'nodes-trigger',
  asks: 'What does Redis add to a signed request when nobody listens?',
  cases: [ONE_CHANNEL],
  quickCases: [],
  smokeCases: [],
}
