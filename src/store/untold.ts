/**
 * Events that nobody was told of yet, and which of them mean nothing any more: who leaves without that
 * an endpoint was told of the arrival was never there for it. Otherwise whoever comes and goes could fill
 * the share of an endpoint that does not answer.
 *
 * An arrival and its departure cancel each other where nothing between them has to be told; what only
 * says how things are (`passing`) goes with its channel.
 */
import type { Database } from 'bun:sqlite'

/** What an event tells of its channel; `user` is empty where the channel itself is meant. */
export type Tale =
  | { readonly kind: 'arrival' | 'departure'; readonly user: string }
  | { readonly kind: 'passing' | 'moment' }

/** As it stands in a row. */
export const markOf = (tale: Tale): string =>
  tale.kind === 'arrival' ? `+${tale.user}` : tale.kind === 'passing' ? PASSING : '!'
const PASSING = '~'
const CHANNEL = '+'

/** Further back nothing is cancelled. */
const LOOKED_AT = 64

const NEWEST = `
  SELECT id, untold FROM webhook_outbox
   WHERE lane = $lane AND channel = $channel AND untold IS NOT NULL ORDER BY id DESC LIMIT $limit`

type Row = { readonly id: number; readonly untold: string }

export function untold(db: Database) {
  return {
    /** Rows that a departure cancels, the arrival among them; none where it has to be told. */
    cancelledBy: (lane: number, channel: string, tale: Tale): number[] => {
      if (tale.kind !== 'departure') return []
      const values = { lane, channel, limit: LOOKED_AT }
      return cancelled(db.query<Row, [typeof values]>(NEWEST).all(values), tale.user)
    },
  }
}

/** `rows` are the newest first. What only says how things are goes with a channel, before and after. */
function cancelled(rows: readonly Row[], user: string): number[] {
  const marks = rows.map(({ untold: mark }) => mark)
  const arrival = marks.indexOf(`+${user}`)
  const between = marks.slice(0, arrival)
  // Others come and go beside a user, but nobody does beside their channel.
  const isBeside = (mark: string): boolean =>
    mark === PASSING || (user !== '' && mark.startsWith('+') && mark !== CHANNEL)
  if (arrival === -1 || !between.every(isBeside)) return []
  if (user !== '') return [rows[arrival]!.id]
  const older = marks.findIndex((mark, index) => index > arrival && mark !== PASSING)
  return rows.slice(0, older === -1 ? undefined : older).map(({ id }) => id)
}
