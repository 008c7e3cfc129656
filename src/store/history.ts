/**
 * Durable streams: their events, and how far their offsets are reserved. Written in groups, read at the start.
 */
import type { HistoryStore, HistoryWrite, StoredEvent, StoredStream } from '../core/history-log'
import { jsonText } from '../core/json'
import type { ChannelName, JsonText, SocketId } from '../core/types'
import type { Writes } from './writes'

const STREAMS =
  'SELECT id, app_id, channel, epoch, reserved, closed FROM history_streams ORDER BY id'
const EVENTS = `
  SELECT offset, name, data, except_id, at FROM history_events WHERE stream = $stream ORDER BY offset`
const RESERVE = `
  INSERT INTO history_streams (app_id, channel, epoch, reserved, closed)
  VALUES ($appId, $channel, $epoch, $reserved, $closed)
  ON CONFLICT (app_id, channel) DO UPDATE SET epoch = $epoch, reserved = $reserved, closed = $closed`
const APPEND = `
  INSERT INTO history_events (stream, offset, name, data, except_id, at)
  SELECT id, $offset, $name, $data, $exceptId, $at FROM history_streams
   WHERE app_id = $appId AND channel = $channel`
const TRIM = `
  DELETE FROM history_events WHERE offset < $first AND stream =
    (SELECT id FROM history_streams WHERE app_id = $appId AND channel = $channel)`
const REMOVE = 'DELETE FROM history_streams WHERE app_id = $appId AND channel = $channel'

type StreamRow = {
  readonly id: number
  readonly app_id: string
  readonly channel: string
  readonly epoch: string
  readonly reserved: number
  readonly closed: number
}
type EventRow = {
  readonly offset: number
  readonly name: string
  readonly data: string
  readonly except_id: string | null
  readonly at: number
}

const eventOf = ({ offset, name, data, except_id: except, at }: EventRow): StoredEvent => ({
  offset,
  name: name as JsonText,
  data: data as JsonText,
  except: except === null ? undefined : (except as SocketId),
  at,
})

export function historyStore(writes: Writes): HistoryStore {
  const { db } = writes
  const write = (change: HistoryWrite): void => {
    const { appId, channel } = change
    switch (change.type) {
      case 'reserve': {
        const { epoch, reserved, isClosed, isNew } = change
        if (isNew) db.query(TRIM).run({ appId, channel, first: Number.MAX_SAFE_INTEGER })
        db.query(RESERVE).run({ appId, channel, epoch, reserved, closed: isClosed ? 1 : 0 })
        return
      }
      case 'append': {
        const { offset, at, publication } = change
        const { event, data, except } = publication
        const text = { name: jsonText(event), data, exceptId: except ?? null }
        db.query(APPEND).run({ appId, channel, offset, at, ...text })
        return
      }
      case 'trim':
        db.query(TRIM).run({ appId, channel, first: change.first })
        return
      case 'remove':
        db.query(TRIM).run({ appId, channel, first: Number.MAX_SAFE_INTEGER })
        db.query(REMOVE).run({ appId, channel })
    }
  }
  return {
    *load(): IterableIterator<StoredStream> {
      for (const row of db.query<StreamRow, []>(STREAMS).all())
        yield {
          appId: row.app_id,
          channel: row.channel as ChannelName,
          epoch: row.epoch,
          reserved: row.reserved,
          isClosed: row.closed === 1,
          events: db
            .query<EventRow, { stream: number }>(EVENTS)
            .all({ stream: row.id })
            .map(eventOf),
        }
    },
    commit: (changes) =>
      writes.runWhileSound(() => db.transaction(() => changes.forEach(write)).immediate()),
  }
}
