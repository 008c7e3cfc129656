/**
 * What endpoints were told is there, channels and members, so that a process that comes after this one
 * knows who has to be told to have left.
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
/** Members before their channel, as they are told to leave. */
const BEFORE = `
  SELECT app_id AS appId, channel, user_id AS userId FROM webhook_announced
   WHERE (app_id, channel, user_id) < ($appId, $channel, $userId)
   ORDER BY app_id DESC, channel DESC, user_id DESC LIMIT $limit`

/** Behind every text: UTF-8 has no such byte, and blobs come last. */
const END = { appId: new Uint8Array([255]), channel: '', userId: '' }
type Place = { readonly [Name in keyof Announcement]: string | Uint8Array }

export function announced(db: Database) {
  const run = (sql: string, { appId, channel, userId }: Announcement): void =>
    void db.query<unknown, [Announcement]>(sql).run({ appId, channel, userId })
  return {
    announced: (announcement: Announcement): void => run(ANNOUNCE, announcement),
    withdrawn: (announcement: Announcement): void => run(WITHDRAW, announcement),
    /** The next so many, from the last on. */
    before: (place: Announcement | undefined, limit: number): Announcement[] => {
      const { appId, channel, userId }: Place = place ?? END
      const values = { appId, channel, userId, limit }
      return db.query<Announcement, [typeof values]>(BEFORE).all(values)
    },
  }
}
