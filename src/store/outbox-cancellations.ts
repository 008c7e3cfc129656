/**
 * Cancellations: events of the outbox that mean nothing any more, since no attempt has carried them. A
 * departure and its arrival cancel each other where nothing between them must be sent; events that only
 * show a state go with their channel. Otherwise a client that joins and leaves could fill the share of an
 * endpoint that does not respond.
 */
import type { Database } from 'bun:sqlite'

/** What an event is about: `user` is empty where the channel itself is meant. */
export type EventSubject =
  | { readonly kind: 'arrival' | 'departure'; readonly user: string }
  | { readonly kind: 'state' | 'occurrence' }

/** The subject as it stands in a row. */
export const markOf = (subject: EventSubject): string =>
  subject.kind === 'arrival' ? `+${subject.user}` : subject.kind === 'state' ? STATE : '!'
const STATE = '~'
const CHANNEL = '+'

/** The newest rows of a channel in which an arrival is searched. */
const SEARCHED_ROWS = 64

/** The column `untold` is set until an attempt carries the row. */
const NEWEST = `
  SELECT id, untold AS mark FROM webhook_outbox
   WHERE lane = $lane AND channel = $channel AND untold IS NOT NULL ORDER BY id DESC LIMIT $limit`

type Row = { readonly id: number; readonly mark: string }

/** Ids of the rows that a departure cancels, the arrival among them; none where it must be sent. */
export function cancelledRows(
  db: Database,
  lane: number,
  { channel, subject }: { readonly channel: string; readonly subject: EventSubject },
): number[] {
  if (subject.kind !== 'departure') return []
  const values = { lane, channel, limit: SEARCHED_ROWS }
  const rows = db.query<Row, [typeof values]>(NEWEST).all(values)
  const { user } = subject
  const marks = rows.map(({ mark }) => mark)
  const arrival = marks.indexOf(`+${user}`)
  // Other users join and leave between those of a user, but nothing happens between those of the channel.
  const isBeside = (mark: string): boolean =>
    mark === STATE || (user !== '' && mark.startsWith('+') && mark !== CHANNEL)
  if (arrival === -1 || !marks.slice(0, arrival).every(isBeside)) return []
  if (user !== '') return [rows[arrival]!.id]
  const older = marks.findIndex((mark, index) => index > arrival && mark !== STATE)
  return rows.slice(0, older === -1 ? undefined : older).map(({ id }) => id)
}
