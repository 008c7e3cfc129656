/**
 * Crowds of the usual shape, and the labels of their cases.
 */
import type { SwarmCase } from '../loads/swarm'
import type { CrowdRow } from './crowd'

const USUAL: CrowdRow = {
  channel: 'bench-room',
  channels: 1,
  subscribers: 1000,
  stalled: 0,
  payloadBytes: 100,
  publishers: 4,
  pace: { inFlight: 4 },
  isProbe: false,
}

export const makeCrowd = (differences: Partial<CrowdRow> = {}): CrowdRow => ({
  ...USUAL,
  ...differences,
})

/** Publishes from `n` publishers that keep `n` messages in flight. */
export const saturate = (n: number): Pick<CrowdRow, 'publishers' | 'pace'> => ({
  publishers: n,
  pace: { inFlight: n },
})

/** Publishes at a fixed rate, from so many publishers that none is ever waited for. */
export const publishAtRate = (ratePerSecond: number): Pick<CrowdRow, 'publishers' | 'pace'> => ({
  publishers: 16,
  pace: { ratePerSecond },
})

/** Makes the case of one crowd, labelled by what distinguishes it. */
export const makeCrowdCase = (row: CrowdRow, more: Partial<SwarmCase> = {}): SwarmCase => ({
  label: labelOf(row),
  crowds: [row],
  ...more,
})

export function labelOf({ subscribers, payloadBytes, publishers, pace }: CrowdRow): string {
  const how =
    'inFlight' in pace
      ? `${publishers}/${pace.inFlight}`
      : `at ${groupDigits(pace.ratePerSecond)}/s`
  return `${groupDigits(subscribers)} x ${formatBytes(payloadBytes)}, ${how}`
}

const formatBytes = (bytes: number): string =>
  bytes < 1024 ? `${bytes} B` : `${Math.round(bytes / 1024)} KiB`

/** Formats a number with a space between thousands. */
export const groupDigits = (value: number, digits = 0): string =>
  value
    .toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replaceAll(',', ' ')
