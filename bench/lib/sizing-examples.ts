/**
 * EXAMPLES: two machines of docs/sizing.md, reckoned from what one of each takes.
 */
import { groupDigits } from './crowds'
import { round, type Taken } from './sizing'

/** What an idle connection takes of the kernel; measured by its slabs, as the page says. */
const KERNEL_BYTES = 4000
const MIB = 1024 * 1024

type ExampleRow = readonly [what: string, is: (taken: Taken) => string]

const bytes = (value: number): string =>
  value < 1e9 ? `${round(value / 1e6)} MB` : `${round(value / 1e9)} GB`
const ofCore = (cpuSeconds: number): string => `${round(cpuSeconds * 100)} % of a core`
const cpu = (seconds: number): string => `${round(seconds)} s of a core`
const files = (count: number): ExampleRow => ['open files', () => groupDigits(count + 100)]
const kernel = (count: number): ExampleRow => [
  `the kernel, ${groupDigits(count)} connections`,
  () => bytes(count * KERNEL_BYTES),
]
const pings = (count: number): ExampleRow => [
  `${groupDigits(count)} connections that answer pings`,
  ({ pings: ms }) => ofCore((count / 10_000) * (ms / 1000)),
]

/** Rooms of fifty, a message of each user every half minute, the last hundred of each room kept. */
const CHAT: readonly ExampleRow[] = [
  ['10 000 / 30 s = 333 triggers a second', ({ trigger }) => ofCore((333 * trigger) / 1e6)],
  [
    '333 x 50 = 16 700 deliveries a second, at the most',
    ({ smallDelivery }) => ofCore((16_700 * smallDelivery) / 1e6),
  ],
  pings(10_000),
  [
    'the process, with 10 000 connections',
    ({ rest, connection }) => bytes(rest * MIB + 10_000 * connection),
  ],
  kernel(10_000),
  ['200 rooms x 100 messages of 1 KiB', ({ keptEvent }) => bytes(20_000 * keptEvent)],
  ['all come back after a restart', ({ handshake }) => cpu((10_000 * handshake) / 1e6)],
  files(10_000),
]

/** One channel, an event a minute for all, TLS in the server. */
const WAITING: readonly ExampleRow[] = [
  pings(200_000),
  ['an event for all, at the most', ({ delivery }) => cpu((200_000 * delivery) / 1e6)],
  [
    'the process, with 200 000 connections over TLS',
    ({ rest, connection, tls }) => bytes(rest * MIB + 200_000 * (connection + tls)),
  ],
  kernel(200_000),
  [
    'all come back after a restart',
    ({ handshake, tlsHandshake }) => cpu((200_000 * (handshake + tlsHandshake)) / 1e6),
  ],
  ['the same, with TLS in a proxy', ({ handshake }) => cpu((200_000 * handshake) / 1e6)],
  files(200_000),
]

export const EXAMPLES = { chat: CHAT, waiting: WAITING } as const

/** A line of each; `not measured` where something of it was not. */
export const listExample = (
  rows: readonly ExampleRow[],
  taken: Taken,
): readonly (readonly string[])[] =>
  rows.map(([what, is]) => {
    const text = is(taken)
    return [what, text.includes('NaN') ? 'not measured' : text]
  })
