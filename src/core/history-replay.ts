/** History, replayed: what a new subscriber gets of the events that its channel keeps. */
import type { App, HistoryRule } from './app'
import type { Connection } from './connection'
import { jsonText } from './json'
import type { HistoryRequest, KeptEvent, Replay } from './messages'
import { NOT_KEPT, type Stream } from './stream'
import type { ChannelName, SocketId } from './types'

/** Who says what it had is told that it has missed something. */
const lost = (asked: HistoryRequest | undefined): false | undefined =>
  asked?.since ? false : undefined

/** What a subscriber gets that asks where nothing is kept. */
export const noReplay = (asked: HistoryRequest): Replay => ({
  position: NOT_KEPT,
  recovered: lost(asked),
  events: [],
})

/** What a subscriber gets whose channel a rule covers, of its stream as it is now. */
export function replayOf(
  stream: Stream,
  rule: HistoryRule,
  channel: ChannelName,
  asked: HistoryRequest | undefined,
  app: App,
  { id, sink }: Pick<Connection, 'id' | 'sink'>,
): Replay {
  const { position } = stream
  // Queues write text as part of a text, which may double it.
  const maxBytes = app.limits.maxReplayBytes / (sink.queued ? 2 : 1)
  const channelBytes = Buffer.byteLength(jsonText(channel))
  const missed = asked?.since && stream.since(asked.since, maxBytes, channelBytes)
  const count = asked?.rewind ?? rule.rewind
  const found = missed ?? stream.last(count, maxBytes, channelBytes)
  const events = withoutOwn(found, id, asked?.formerId)
  return { position, recovered: missed ? true : lost(asked), events }
}

/** Without those that exclude the subscriber, by its socket id or a former one. Connected, it may have caused some. */
export const withoutOwn = (
  events: readonly KeptEvent[],
  id: SocketId,
  formerId: SocketId | undefined,
): readonly KeptEvent[] =>
  events.filter(
    ({ publication: { except } }) => except === undefined || (except !== id && except !== formerId),
  )
