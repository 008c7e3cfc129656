/** History, stored: the durable streams of before, as they are taken up at the start. */
import type { App } from './app'
import type { HistoryLog, StoredEvent, StoredStream } from './history-log'
import { textOfJson } from './json'
import type { BackendPublication, Claim } from './messages'
import { Stream } from './stream'
import type { ChannelName, Clock } from './types'

/** Where streams are stored, and the clock by which their events are dated. */
export type Durable = { readonly log: HistoryLog; readonly clock: Pick<Clock, 'now'> }

/** Notes an event that has a key, and for how many milliseconds it has been stored. */
export type NoteClaim = (app: App, claim: Claim, channel: ChannelName, ageMs: number) => void

/** A stream that its app still has. */
export type Taken = { readonly app: App; readonly stored: StoredStream; readonly stream: Stream }

/** Takes up all streams. Those that have no app, as `appOf` says, are discarded, with their events. */
export function takeStored(
  { log, clock }: Durable,
  now: number,
  appOf: (stored: StoredStream) => App | undefined,
  note: NoteClaim,
): readonly Taken[] {
  const taken = new Map<number, Taken & { readonly events: StoredEvent[] }>()
  const gone: number[] = []
  for (const stored of log.streams()) {
    const app = appOf(stored)
    if (app) taken.set(stored.id, { app, stored, stream: reopen(stored), events: [] })
    else gone.push(stored.id)
  }
  for (const event of log.events()) {
    const found = taken.get(event.stream)
    if (found) found.events.push(event)
    else log.discardEvent(event.row, event.data.length)
  }
  // Before anything is published that they lack.
  if (log.discardNow(gone)) for (const id of gone) log.discardStream(id)
  const epochMs = clock.now()
  const all = [...taken.values()]
  for (const { app, stored, stream, events } of all)
    for (const event of events.sort((one, other) => one.offset - other.offset)) {
      const { offset, row, once } = event
      const ageMs = Math.max(0, epochMs - event.at)
      if (once) note(app, once, stored.channel, ageMs)
      const publication = publicationOf(app, stored.channel, event)
      stream.restore({ offset, publication, at: now - ageMs, row })
    }
  return all
}

/** After a crash it goes on past all offsets that were reserved: those after the last event may have been heard. */
const reopen = ({ epoch, reserved, isClosed }: StoredStream): Stream =>
  new Stream(epoch, isClosed ? reserved : reserved + 1)

const publicationOf = (
  app: App,
  channel: ChannelName,
  { name, data, except }: StoredEvent,
): BackendPublication => ({
  type: 'event',
  origin: 'backend',
  app,
  channel,
  event: textOfJson(name),
  data,
  sender: undefined,
  except,
  once: undefined,
})
