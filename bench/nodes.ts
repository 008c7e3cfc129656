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

/**
 * Labels that targets name. A delivery costs the less the more events leave together, and in a closed loop these are as
 * many as come while others are under way: more, the sooner a publisher is answered. So what two nodes cost is compared
 * at the same rate: one that leaves a server alone half idle, and one that it just bears.
 */
export const NODES = {
  slow: '1 000 on the other, at 60/s',
  fast: '1 000 on the other, at 500/s',
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
    {
      ...makeCrowdCase(makeCrowd({ placement: 'across', ...publishAtRate(60) })),
      label: NODES.slow,
    },
    {
      ...makeCrowdCase(makeCrowd({ placement: 'across', ...publishAtRate(500) })),
      label: NODES.fast,
    },
    { ...makeCrowdCase(ACROSS), label: '1 000 on the other' },
    { ...makeCrowdCase(EACH), label: WORKERS.each },
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
