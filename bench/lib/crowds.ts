/**
 * What crowds usually are, and how they are called.
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

export const crowd = (differences: Partial<CrowdRow> = {}): CrowdRow => ({
  ...USUAL,
  ...differences,
})

/** `n` publishers that keep `n` messages in flight. */
export const saturated = (n: number): Pick<CrowdRow, 'publishers' | 'pace'> => ({
  publishers: n,
  pace: { inFlight: n },
})

/** Enough publishers that none is ever waited for. */
export const atRate = (ratePerSecond: number): Pick<CrowdRow, 'publishers' | 'pace'> => ({
  publishers: 16,
  pace: { ratePerSecond },
})

/** A case of one crowd, called by what matters of it. */
export const crowdCase = (row: CrowdRow, more: Partial<SwarmCase> = {}): SwarmCase => ({
  label: labelOf(row),
  crowds: [row],
  ...more,
})

export function labelOf({ subscribers, payloadBytes, publishers, pace }: CrowdRow): string {
  const how =
    'inFlight' in pace ? `${publishers}/${pace.inFlight}` : `at ${grouped(pace.ratePerSecond)}/s`
  return `${grouped(subscribers)} x ${bytesText(payloadBytes)}, ${how}`
}

const bytesText = (bytes: number): string =>
  bytes < 1024 ? `${bytes} B` : `${Math.round(bytes / 1024)} KiB`

/** Thousands apart. */
export const grouped = (value: number, digits = 0): string =>
  value
    .toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replaceAll(',', ' ')
