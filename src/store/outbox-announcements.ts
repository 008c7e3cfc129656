/**
 * Announcements: the channels and members whose arrival was announced to endpoints, so that the next process
 * knows whose departure it must announce.
 */
import type { Database } from 'bun:sqlite'

/** `userId` is empty where the channel itself is meant. */
export type Announcement = {
  readonly appId: string
  readonly channel: string
  readonly userId: string
}

const ANNOUNCE = `
  INSERT INTO webhook_announced (app_id, channel, user_id) VALUES ($appId, $channel, $userId)
  ON CONFLICT DO NOTHING`
const WITHDRAW = `
  DELETE FROM webhook_announced WHERE app_id = $appId AND channel = $channel AND user_id = $userId`
/** Members come before their channel, in the order of their departures. */
const BEFORE = `
  SELECT app_id AS appId, channel, user_id AS userId FROM webhook_announced
   WHERE (app_id, channel, user_id) < ($appId, $channel, $userId)
   ORDER BY app_id DESC, channel DESC, user_id DESC LIMIT $limit`

/** Behind every text, since SQLite sorts blobs last. */
const END = { appId: new Uint8Array([255]), channel: '', userId: '' }
type Place = { readonly [Name in keyof Announcement]: string | Uint8Array }

export function announcementStore(db: Database) {
  const run = (sql: string, { appId, channel, userId }: Announcement): void =>
    void db.query<unknown, [Announcement]>(sql).run({ appId, channel, userId })
  return {
    announce: (announcement: Announcement): void => run(ANNOUNCE, announcement),
    withdraw: (announcement: Announcement): void => run(WITHDRAW, announcement),
    /** The next `limit` announcements after `last`; from the first without it. */
    page: (last: Announcement | undefined, limit: number): Announcement[] => {
      const { appId, channel, userId }: Place = last ?? END
      const values = { appId, channel, userId, limit }
      return db.query<Announcement, [typeof values]>(BEFORE).all(values)
    },
  }
}
