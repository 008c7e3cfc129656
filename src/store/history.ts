/**
 * Durable streams: their events, and how far their offsets are reserved. Written in groups, read at the start.
 */
import type {
  EndedStreams,
  HistoryStore,
  HistoryWrite,
  LoggedStream,
  StoredEvent,
  StoredStream,
} from '../core/history-log'
import { jsonText } from '../core/json'
import type { ChannelName, JsonText, SocketId } from '../core/types'
import type { Writes } from './writes'

/** The app, which none has, of rows that list streams which have ended, by their ids in the place of the epoch. */
const ENDED = "app_id = ''"
const STREAMS = `
  SELECT id, app_id, channel, epoch, reserved, closed FROM history_streams WHERE NOT ${ENDED} ORDER BY id`
const ENDED_STREAMS = `SELECT id AS row, epoch AS streams FROM history_streams WHERE ${ENDED}`
const EVENTS = `
  SELECT id, stream, offset, name, data, except_id, at, key, request FROM history_events`
// The former stream of the channel may be there still, where it could not be deleted.
const RESERVE = `
  INSERT INTO history_streams (id, app_id, channel, epoch, reserved, closed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
  ON CONFLICT (app_id, channel) DO UPDATE SET id = ?1, epoch = ?4, reserved = ?5, closed = ?6`
const APPEND = `
  INSERT OR REPLACE INTO history_events (id, stream, offset, name, data, except_id, at, key, request)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
/** Whoever resumes from one of before is told that something is not kept, and not given others in its place. */
export const END_EPOCHS = `UPDATE history_streams SET epoch = lower(hex(randomblob(8))) WHERE NOT ${ENDED}`
const END = `
  INSERT INTO history_streams (id, app_id, channel, epoch, reserved, closed) VALUES (?1, '', ?1, ?2, 0, 1)`
const DISCARD_EVENTS = 'DELETE FROM history_events WHERE id BETWEEN ? AND ?'
const DISCARD_STREAM = 'DELETE FROM history_streams WHERE id = ?'

type StreamRow = {
  readonly id: number
  readonly app_id: string
  readonly channel: string
  readonly epoch: string
  readonly reserved: number
  readonly closed: number
}
type EndedRow = { readonly row: number; readonly streams: string }
type EventRow = {
  readonly id: number
  readonly stream: number
  readonly offset: number
  readonly name: string
  readonly data: string
  readonly except_id: string | null
  readonly at: number
  /** The idempotency key, and the hash of the request that had it. */
  readonly key: string | null
  readonly request: string | null
}

const streamOf = ({ id, app_id: appId, channel, epoch, reserved, closed }: StreamRow) => ({
  id,
  appId,
  channel: channel as ChannelName,
  epoch,
  reserved,
  isClosed: closed === 1,
})

const eventOf = ({ id: row, stream, offset, name, data, at, ...rest }: EventRow): StoredEvent => ({
  row,
  stream,
  offset,
  name: name as JsonText,
  data: data as JsonText,
  except: rest.except_id === null ? undefined : (rest.except_id as SocketId),
  at,
  once: rest.key === null ? undefined : { key: rest.key, fingerprint: rest.request ?? '' },
})

export function historyStore(writes: Writes): HistoryStore {
  const { db } = writes
  const [reserve, append, end] = [db.query(RESERVE), db.query(APPEND), db.query(END)]
  const [discardEvents, discardStream] = [db.query(DISCARD_EVENTS), db.query(DISCARD_STREAM)]
  const reserveOf = ({ id, appId, channel, epoch }: LoggedStream, to: number, closed: boolean) =>
    reserve.run(id, appId, channel, epoch, to, closed ? 1 : 0)
  const write = (change: HistoryWrite): void => {
    switch (change.type) {
      case 'reserve':
        reserveOf(change.stream, change.reserved, change.isClosed)
        return
      case 'append': {
        const { row, stream, at } = change
        const { offset, publication } = change.event
        const { event, data, except = null, once } = publication
        const [key, request] = once ? [once.key, once.fingerprint] : [null, null]
        append.run(row, stream, offset, jsonText(event), data, except, at, key, request)
        return
      }
      case 'end':
        end.run(change.row, change.streams.join(' '))
        return
      case 'discard':
        for (const id of change.streams) discardStream.run(id)
        for (const [first, last] of runsOf(change.rows)) discardEvents.run(first, last)
    }
  }
  const commit = db.transaction((changes: readonly HistoryWrite[]) => changes.forEach(write))
  return {
    *streams(): IterableIterator<StoredStream> {
      for (const row of db.query<StreamRow, []>(STREAMS).iterate()) yield streamOf(row)
    },
    *ended(): IterableIterator<EndedStreams> {
      for (const { row, streams } of db.query<EndedRow, []>(ENDED_STREAMS).all())
        yield { row, streams: streams.split(' ').map(Number) }
    },
    *events(): IterableIterator<StoredEvent> {
      for (const row of db.query<EventRow, []>(EVENTS).iterate()) yield eventOf(row)
    },
    commit: (changes) => writes.runWhileSound(() => commit.immediate(changes)),
    endEpochs: () => writes.runChore(() => void db.run(END_EPOCHS)),
  }
}

/** First and last of the numbers that follow each other: those of one busy channel, or of all that expired. */
function runsOf(rows: readonly number[]): readonly (readonly [first: number, last: number])[] {
  const runs: [number, number][] = []
  for (const row of rows.toSorted((one, other) => one - other)) {
    const run = runs.at(-1)
    if (run && row <= run[1] + 1) run[1] = row
    else runs.push([row, row])
  }
  return runs
}
