/**
 * SIZING: what one connection, event or request takes, for those who ask how large a machine must be. The rows of
 * `docs/sizing.md`, out of the published runs.
 */
import { CONNECTED_MANY, makeConnectCase } from '../connect'
import { KEPT, KEPT_LARGE } from '../history'
import { ANSWERING } from '../idle'
import { LIGHT } from '../light'
import { makePresenceCase } from '../presence'
import { SPREAD_LABEL } from '../spread'
import { TLS_LABEL } from '../tls'
import { ONE_CHANNEL } from '../trigger'
import { groupDigits, labelOf, makeCrowd, publishAtRate } from './crowds'
import type { BenchRecord } from './records'
import { figureAt, type Place } from './statistics'

type Show = (value: number) => string

export type SizingRow = {
  /** For the examples. */
  readonly name: string
  readonly what: string
  readonly place: Place
  /** What is taken off: the same without what is measured. */
  readonly minus?: Place
  readonly key: string
  /** What is taken, of a figure that is another one: bytes, MiB, µs or ms. */
  readonly of?: (figure: number) => number
  readonly show: Show
}

const at = (question: string, label: string, side = 'carillon'): Place => ({
  question,
  case: label,
  side,
})

/** Two digits, which is what such figures are good for. */
export function round(value: number): string {
  const rounded = Number(value.toPrecision(2))
  return groupDigits(rounded, rounded < 10 ? 1 : 0)
}
const bytes: Show = (value) => (value < 1000 ? `${round(value)} B` : `${round(value / 1000)} KB`)
const micros: Show = (value) => `${round(value)} µs of CPU`
/** Microseconds of CPU, of a figure per second of CPU time. */
const inverse = (perSecond: number): number => 1e6 / perSecond

const DELIVERIES = { key: 'deliveriesPerCpuSecond', of: inverse, show: micros } as const
const crowd = (row: Parameters<typeof makeCrowd>[0]): Place => at('fanout', labelOf(makeCrowd(row)))
const WITH_TLS = at('tls', TLS_LABEL, 'tls')
const WITHOUT = at('tls', TLS_LABEL)

const SIZING = [
  {
    name: 'rest',
    what: 'the process, at rest',
    place: at('light', LIGHT.label),
    key: 'restMib',
    show: (value) => `${round(value)} MiB`,
  },
  {
    name: 'connection',
    what: 'an idle connection in one channel',
    place: at('connect', CONNECTED_MANY.label),
    key: 'rssBytesEach',
    show: bytes,
  },
  {
    name: 'tls',
    what: 'TLS in the server, each connection on top',
    place: WITH_TLS,
    minus: WITHOUT,
    key: 'rssBytesEach',
    show: bytes,
  },
  {
    name: 'handshake',
    what: 'a handshake and a subscribe',
    place: at('connect', makeConnectCase(10_000, 1).label),
    key: 'cpuMicrosEach',
    show: micros,
  },
  {
    name: 'tlsHandshake',
    what: 'TLS in the server (P-256), each handshake on top',
    place: WITH_TLS,
    minus: WITHOUT,
    key: 'handshakeMicros',
    show: micros,
  },
  {
    name: 'pings',
    what: '10 000 silent connections that answer pings',
    place: at('idle', ANSWERING.label),
    key: 'cpuMsPerSecond',
    show: (value) => `${round(value)} ms of CPU a second`,
  },
  {
    name: 'trigger',
    what: 'a trigger',
    place: at('trigger', ONE_CHANNEL.label),
    key: 'cpuMicrosPerRequest',
    show: micros,
  },
  {
    name: 'smallDelivery',
    what: 'a delivery in a channel of five',
    place: at('spread', SPREAD_LABEL),
    ...DELIVERIES,
  },
  {
    name: 'delivery',
    what: 'a delivery in a channel of 1 000, at 45 events a second',
    place: crowd(publishAtRate(45)),
    ...DELIVERIES,
  },
  {
    name: 'fullDelivery',
    what: 'the same, with as many events as one core takes',
    place: crowd({}),
    ...DELIVERIES,
  },
  {
    name: 'join',
    what: 'a member who joins a presence channel of up to 1 000',
    place: at('presence', makePresenceCase(1000).label),
    key: 'joinsPerCpuSecond',
    of: inverse,
    show: micros,
  },
  {
    name: 'keptEvent',
    what: 'a kept event of 1 KiB',
    place: at('history-memory', KEPT_LARGE.label, 'history'),
    key: 'heapBytesEach',
    show: bytes,
  },
  {
    name: 'smallDurable',
    what: 'a durable event of 100 B, on the disk',
    place: at('history-disk', KEPT.label, 'durable'),
    key: 'diskBytesEach',
    show: bytes,
  },
  {
    name: 'durable',
    what: 'a durable event of 1 KiB, on the disk',
    place: at('history-disk', KEPT_LARGE.label, 'durable'),
    key: 'diskBytesEach',
    show: bytes,
  },
] as const satisfies readonly SizingRow[]

const ROWS: readonly SizingRow[] = SIZING

/** What one of each takes, by name; NaN where it was not measured. */
export type Taken = Readonly<Record<(typeof SIZING)[number]['name'], number>>

/** True where a row needs this side of this case. */
export const isSized = (place: Place): boolean =>
  ROWS.some(({ place: own, minus }) =>
    [own, minus].some(
      (each) =>
        each?.question === place.question && each.case === place.case && each.side === place.side,
    ),
  )

export const readTaken = (records: readonly BenchRecord[]): Taken =>
  Object.fromEntries(ROWS.map((row) => [row.name, valueOf(row, records)])) as Taken

function valueOf({ place, minus, key, of }: SizingRow, records: readonly BenchRecord[]): number {
  const read = (at: Place): number => figureAt(records, at, key)?.median ?? NaN
  const figure = read(place) - (minus ? read(minus) : 0)
  return of ? of(figure) : figure
}

/** A line of each row: what it is, what it takes, and the question that measures it. */
export const listSizing = (records: readonly BenchRecord[]): readonly (readonly string[])[] =>
  ROWS.map((row) => {
    const value = valueOf(row, records)
    const shown = Number.isNaN(value) ? 'not measured' : row.show(value)
    return [row.what, shown, `\`bun run bench ${questionOf(row.place)}\``]
  })

/** A question on the command line may have several. */
const questionOf = ({ question }: Place): string => question.split('-')[0]!
