/**
 * The load of the memory of kept events, a process of its own: batches of events to channels that nobody hears, the
 * heap before and after, and what is kept in the end.
 */
import { measureHeap } from '../lib/meter'
import { serveOrder, type LoadOrder } from '../lib/load'
import type { BenchCase } from '../lib/question'
import { Stage } from '../lib/stage'
import { makePadding, makeStamp } from '../lib/stamp'
import { openWindow, type Usage } from '../lib/usage'

export type HistoryCase = BenchCase & {
  readonly channels: number
  readonly eventsEach: number
  readonly payloadBytes: number
}

export type HistoryOutcome = Usage & {
  readonly kept: number
  readonly lost: number
  readonly heapBytesEach: number
}

/** What the server takes at once. */
const PER_BATCH = 10
const AT_ONCE = 8
const POLL_MS = 2
/** Events of each channel that are not counted: with the first ones code is compiled, and streams begin. */
const BEFORE = 20 * PER_BATCH

async function keep({ case: row, peer }: LoadOrder<HistoryCase>): Promise<HistoryOutcome> {
  const stage = new Stage(peer)
  const channels = Array.from({ length: row.channels }, (_, index) => `kept-${index}`)
  const fill = makePadding(row.payloadBytes)
  const publish = async (count: number): Promise<void> => {
    const batches = channels.flatMap((channel, publisher) =>
      Array.from({ length: count / PER_BATCH }, (_, number) =>
        batchOf(channel, (index) => makeStamp(publisher, number * PER_BATCH + index, 0) + fill),
      ),
    )
    const senders = Array.from({ length: AT_ONCE }, async () => {
      for (let body = batches.pop(); body !== undefined; body = batches.pop())
        await stage.post('/batch_events', body)
    })
    await Promise.all(senders)
  }
  const rest = (): void => Bun.sleepSync(POLL_MS)
  await publish(BEFORE)
  const before = measureHeap(peer, rest)
  const close = openWindow(peer.pid)
  await publish(row.eventsEach)
  const usage = close()
  const grown = measureHeap(peer, rest) - before
  const ends = await Promise.all(channels.map((channel) => readEnd(stage, channel)))
  const kept = ends.reduce((sum, offset) => sum + offset, 0) - BEFORE * channels.length
  const expected = row.eventsEach * channels.length
  return { ...usage, kept, lost: expected - kept, heapBytesEach: grown / kept }
}

function batchOf(channel: string, dataOf: (index: number) => string): string {
  const batch = Array.from({ length: PER_BATCH }, (_, index) => ({
    name: 'bench',
    channel,
    data: dataOf(index),
  }))
  return JSON.stringify({ batch })
}

/** Reads at which offset the stream of a channel stands. @throws Error where its first event is gone */
async function readEnd(stage: Stage, channel: string): Promise<number> {
  const page = JSON.parse(await stage.get(`/channels/${channel}/history`, 'limit=1'))
  if (!page.recovered) throw new Error(`${channel} has given up events`)
  return page.offset
}

await serveOrder(keep)
