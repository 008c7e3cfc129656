/**
 * Connect: how fast is a connection accepted, shaken hands with and subscribed, and what does it
 * cost when it is idle? Nobody listens to the same channel twice; all share the channels.
 */
import { playLoad } from './lib/play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type Question } from './lib/question'
import { OTHERS } from './lib/sides'
import { groupDigits } from './lib/crowds'
import type { ConnectCase } from './loads/connect'

export const makeConnectCase = (
  connections: number,
  subscriptions: number,
  more: Partial<ConnectCase> = {},
): ConnectCase => ({
  label: `${groupDigits(connections)}, ${subscriptions} ${subscriptions === 1 ? 'channel' : 'channels'} each`,
  connections,
  subscriptions,
  roundsBefore: 0,
  restSeconds: 3,
  ...more,
})

/** The server has done it twice: what it costs once no code runs for the first time. */
export const makeWarmCase = (connections: number, subscriptions: number): ConnectCase => {
  const cold = makeConnectCase(connections, subscriptions, { roundsBefore: 2, restSeconds: 0.5 })
  return { ...cold, label: `${cold.label}, warm` }
}

/** The most that 20 000 descriptors allow on each side. */
const MANY = 19_000
export const CONNECTED_MANY = makeConnectCase(MANY, 1, { sides: ['carillon', 'bare'] })

export const connect: Question = {
  name: 'connect',
  asks: 'How fast are connections accepted, and what does an idle one cost?',
  play: playLoad('connect.ts', { meter: 'heap' }),
  cases: [
    makeConnectCase(10_000, 0),
    makeConnectCase(10_000, 1),
    makeWarmCase(10_000, 0),
    makeWarmCase(10_000, 1),
    makeConnectCase(5000, 10),
    CONNECTED_MANY,
  ],
  quickCases: [makeConnectCase(2000, 1, { restSeconds: 0.5 })],
  smokeCases: [makeConnectCase(100, 1, { restSeconds: 0.1 })],
  subjects: ['carillon'],
  yardsticks: OTHERS,
  figure: {
    title: 'connections per server-CPU-second',
    key: 'connectionsPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: 'CPU us each', key: 'cpuMicrosEach', digits: 1 },
    { title: 'of the loop', key: 'loopMicrosEach', digits: 1 },
    { title: 'per second', key: 'connectionsPerSecond', digits: 0 },
    { title: 'RSS bytes each', key: 'rssBytesEach', digits: 0 },
    { title: 'heap bytes each', key: 'heapBytesEach', digits: 0 },
    { title: 'resting RSS MiB', key: 'restingRssMib', digits: 0 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS.slice(1),
  ],
  faults: ['dropped'],
  counted: 'ready',
}
