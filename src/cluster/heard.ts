/** Heard: messages that wait behind a snapshot; which of them it has already, and what this node lacks then. */
import type { Replica } from './replica'
import type { Snapshot } from './snapshot'
import { readMessage, type Message } from './wire'

/** What may wait behind a snapshot, in characters. */
const MAX_QUEUED_CHARS = 256 * 1024

/** Has a message wait for the snapshot that is asked for. */
export function putOff(replica: Replica, text: string): void {
  replica.queuedChars += text.length
  if (isOverfull(replica)) replica.queue = []
  else replica.queue.push(text)
}

/** True where more has waited than fits: it is dropped, and has to be in another snapshot. */
export const isOverfull = ({ queuedChars }: Replica): boolean => queuedChars > MAX_QUEUED_CHARS

/** Takes what has waited. */
export function takeQueue(replica: Replica): readonly string[] {
  const { queue } = replica
  replica.queue = []
  replica.queuedChars = 0
  return queue
}

/** Messages that have waited behind a snapshot, of which it has the seats and counts: each once. */
export function heardOf(
  { queue, epoch, rev }: Replica,
  snapshot: Snapshot,
  newest: number,
): Message[] {
  let last = epoch === snapshot.epoch ? rev : 0
  return queue.flatMap((text) => {
    const message = readMessage(text, newest)
    if (message?.epoch !== snapshot.epoch) return []
    if (message.rev <= last || message.rev > snapshot.rev) return []
    last = message.rev
    return [message]
  })
}

/**
 * True where events may have been said that this node will never know. Those of clients count where nothing is kept;
 * all else that was missed is in the snapshot.
 */
export function lacksSome(
  { epoch, rev, others }: Replica,
  snapshot: Snapshot,
  heard: readonly Message[],
): boolean {
  if (snapshot.position.epoch !== '' && snapshot.isWhole) return false
  if (epoch !== snapshot.epoch) return true
  const events = snapshot.rev - rev - (snapshot.others - others)
  return events > heard.filter(isEvent).length
}

/** Notes that a message is in the replica now: it was the next one. */
export function goOn(replica: Replica, message: Message): void {
  replica.rev = message.rev
  if (!isEvent(message)) replica.others++
}

const isEvent = ({ type }: Message): boolean => type === 'event' || type === 'bytes'

/** True where messages that the snapshot has may be on their way still: the bus is another connection. */
export const isAhead = ({ epoch, rev }: Replica, snapshot: Snapshot): boolean =>
  epoch !== '' && (epoch !== snapshot.epoch || rev < snapshot.rev)
