/** Heard: messages that wait behind a snapshot; which of them it has already, and what this node lacks then. */
import type { Context } from './context'
import type { Replica } from './replica'
import type { Snapshot } from './snapshot'
import { readMessage, type Message } from './wire'

/** How long the bus may take to come as far as a snapshot, and how often that is looked at. */
const LAG_MS = 250
const LOOK_MS = 5

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

/** True where events may have been said that this node will never know. Those of clients count where nothing is kept. */
export function lacksSome({ epoch, rev }: Replica, snapshot: Snapshot, heard: number): boolean {
  if (snapshot.position.epoch !== '' && snapshot.isWhole) return false
  return epoch !== snapshot.epoch || snapshot.rev - rev > heard
}

/**
 * True where the answer has overtaken the bus: events that it has stand after those of clients that were heard, and only
 * the bus says where.
 */
export function isBehind({ queue }: Replica, snapshot: Snapshot, newest: number): boolean {
  const last = queue.at(-1)
  if (last === undefined || snapshot.missed.length === 0) return false
  const message = readMessage(last, newest)
  return message?.epoch === snapshot.epoch && message.rev < snapshot.rev
}

/** Done when the bus has come as far as the snapshot, or does not: what it would say is lost with its connection. */
export async function awaitBus(
  replica: Replica,
  snapshot: Snapshot,
  { clock, versions }: Pick<Context, 'clock' | 'versions'>,
): Promise<void> {
  const until = clock.mono() + LAG_MS
  while (isBehind(replica, snapshot, versions.reads) && clock.mono() < until)
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve))
}
