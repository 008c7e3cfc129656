/**
 * Trigger: what does one signed request cost the server when nobody listens? Eight keep-alive
 * connections, requests signed beforehand, sent by autocannon (`lib/cannon.ts`). The bare loop checks
 * the same signature by hand and does the same JSON work: the ratio is the price of routes, schemas,
 * limits and documentation. Reads are asked of a server without channels.
 */
import type { LoadOutcome } from './lib/load'
import { COMMON_COLUMNS, type BenchCase, type Question } from './lib/question'

export type TriggerCase = BenchCase & {
  /** What is read, below the app; undefined for a trigger. */
  readonly read: string | undefined

  readonly connections: number
  readonly channels: number
  readonly payloadBytes: number
}

export type TriggerOutcome = LoadOutcome & {
  /** Answers of class 2xx. */
  readonly accepted: number
  /** Other answers, and requests without one. */
  readonly refused: number
  readonly requestsPerSecond: number
  readonly requestsPerCpuSecond: number
  readonly cpuMicrosPerRequest: number
}

const CONNECTIONS = 8
const PAYLOAD_BYTES = 100

/** At most 1.35 times the CPU of the hand-written handler. */
const LEAST_RATIO = 0.74

const triggerCase = (channels: number): TriggerCase => ({
  read: undefined,
  target: channels === 1 ? LEAST_RATIO : undefined,
  label: `${channels} ${channels === 1 ? 'channel' : 'channels'} x ${PAYLOAD_BYTES} B, ${CONNECTIONS} connections`,
  connections: CONNECTIONS,
  channels,
  payloadBytes: PAYLOAD_BYTES,
})

const readCase = (read: string): TriggerCase => ({
  ...triggerCase(0),
  label: `GET ${read}, ${CONNECTIONS} connections`,
  read,
})

export const trigger: Question<TriggerCase, TriggerOutcome> = {
  name: 'trigger',
  load: 'cannon.ts',
  cases: [triggerCase(1), triggerCase(10), readCase('/channels'), readCase('/channels/room')],
  smokeCases: [triggerCase(1)],
  sides: ['carillon'],
  yardstick: 'bare',
  figure: {
    title: 'requests per server-CPU-second',
    of: (outcome) => outcome.requestsPerCpuSecond,
    digits: 0,
  },
  columns: [
    { title: '2xx per second', of: (outcome) => outcome.requestsPerSecond, digits: 0 },
    { title: 'CPU µs each', of: (outcome) => outcome.cpuMicrosPerRequest, digits: 1 },
    ...COMMON_COLUMNS,
    { title: 'not 2xx', of: (outcome) => outcome.refused, digits: 0 },
  ],
  defect: ({ accepted, refused }) => {
    if (refused > 0) return `${refused} requests were not answered with 2xx`
    return accepted === 0 ? 'nothing was answered' : undefined
  },
}
