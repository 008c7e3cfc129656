/**
 * Trigger: what does one signed request cost the server when nobody listens? Eight keep-alive
 * connections, requests signed beforehand, sent by autocannon (`loads/cannon.ts`). The bare loop
 * checks the same signature by hand and does the same JSON work: the ratio is the price of routes,
 * schemas, limits and documentation. Reads are asked of a server without channels.
 */
import { playLoad } from './lib/play'
import { LATENCY_COLUMNS, USAGE_COLUMNS, type BenchCase, type Question } from './lib/question'
import { OTHERS } from './lib/sides'

export type TriggerCase = BenchCase & {
  readonly connections: number
  /** The path below the app. */
  readonly path: '/events' | '/batch_events' | '/channels' | '/channels/room'
  readonly channels: number
  readonly payloadBytes: number
}

const CONNECTIONS = 8
const PAYLOAD_BYTES = 100

const triggerCase = (label: string, more: Partial<TriggerCase>): TriggerCase => ({
  label,
  connections: CONNECTIONS,
  path: '/events',
  channels: 1,
  payloadBytes: PAYLOAD_BYTES,
  ...more,
})

/** The bare loop knows events only, and answers every read alike. */
const read = (path: '/channels' | '/channels/room'): TriggerCase =>
  triggerCase(`GET ${path}`, { path, channels: 0 })

export const ONE_CHANNEL = triggerCase('1 channel', {})

export const trigger: Question = {
  name: 'trigger',
  asks: 'What does one signed request cost the server when nobody listens?',
  play: playLoad('cannon.ts'),
  cases: [
    ONE_CHANNEL,
    triggerCase('10 channels', { channels: 10 }),
    triggerCase('batch of 10', {
      path: '/batch_events',
      channels: 10,
      sides: ['carillon', 'soketi', 'sockudo'],
    }),
    read('/channels'),
    read('/channels/room'),
  ],
  quickCases: [ONE_CHANNEL],
  smokeCases: [ONE_CHANNEL],
  subjects: ['carillon'],
  yardsticks: OTHERS,
  figure: {
    title: 'requests per server-CPU-second',
    key: 'requestsPerCpuSecond',
    digits: 0,
    better: 'more',
  },
  columns: [
    { title: '2xx per second', key: 'requestsPerSecond', digits: 0 },
    { title: 'CPU µs each', key: 'cpuMicrosPerRequest', digits: 1 },
    ...LATENCY_COLUMNS,
    ...USAGE_COLUMNS,
  ],
  faults: ['refused'],
  counted: 'accepted',
}
