/** History: the events that channels keep, as Redis has them. What a rule keeps is given up by the scripts. */
import type { App, HistoryRule } from '../core/app'
import { boundsOf, ruleOf } from '../core/history-rules'
import { parseJson } from '../core/json'
import type { KeptEvent } from '../core/messages'
import { bytesOf, type HistoryPage, type HistoryQuery } from '../core/stream'
import type { ChannelName } from '../core/types'
import { newNonce, runOn, type Context } from './context'
import { fullNameOf, PARTITIONS } from './names'
import type { Answer, Wish } from './reading'
import { SCRIPTS } from './scripts'
import type { StreamEntry } from './snapshot'
import { readKept } from './wire'

type ReadAnswer = readonly [
  epoch: string,
  rev: number,
  stream: string,
  offset: number,
  first: number,
  isWhole: number,
  events: StreamEntry[],
  hasMore: number,
]

/** The longest that a rule may keep an event, and a day that its channel is remembered. */
const KEPT_AT_MOST_MS = (7 + 1) * 86_400_000

/** All of it rejects with RedisAway. */
export class History {
  constructor(readonly context: Context) {}

  /** Undefined where no rule of the app covers the channel. */
  async page(
    app: App,
    channel: ChannelName,
    { since, before, direction, limit, maxBytes }: HistoryQuery,
  ): Promise<HistoryPage | undefined> {
    const rule = ruleOf(app, channel, this.context.kindOf(channel))
    if (!rule) return undefined
    const ends = [since?.epoch ?? '', since?.offset ?? 0, before?.epoch ?? '', before?.offset ?? 0]
    const args = ['page', ...ends, direction, limit, maxBytes]
    const answer = await this.#read(app, channel, rule, args)
    const [, , epoch, offset, , isWhole, events, hasMore] = answer
    return {
      position: { epoch, offset },
      events: readEntries(app, channel, events),
      hasMore: hasMore === 1,
      recovered: isWhole === 1,
    }
  }

  /** What a subscriber gets whose channel a rule covers. */
  async past(app: App, channel: ChannelName, rule: HistoryRule, wish: Wish): Promise<Answer> {
    const { since, count, maxBytes, besides } = wish
    const args = ['replay', since?.epoch ?? '', since?.offset ?? 0, count, maxBytes, besides]
    const answer = await this.#read(app, channel, rule, args)
    const [epoch, rev, stream, offset, , isWhole, events] = answer
    return {
      epoch,
      rev,
      position: { epoch: stream, offset },
      recovered: since && isWhole === 1,
      events: readEntries(app, channel, events),
    }
  }

  /** Gives up what is kept of an app that was deleted. */
  async forgetApp(appId: string): Promise<void> {
    const { link, incarnations } = this.context
    const forget = (_: unknown, partition: number) => {
      const args = [incarnations.idOf(partition), appId, newNonce(), KEPT_AT_MOST_MS]
      return link.run(SCRIPTS.removeApp, String(partition), args)
    }
    await Promise.all(Array.from({ length: PARTITIONS }, forget))
  }

  async #read(
    app: App,
    channel: ChannelName,
    rule: HistoryRule,
    args: readonly (string | number)[],
  ): Promise<ReadAnswer> {
    const { size, ttlMs, bytes } = boundsOf(app, rule)
    const name = fullNameOf(app, channel)
    const answer = await runOn(this.context, SCRIPTS.read, name, size, ttlMs, bytes, ...args)
    return answer as ReadAnswer
  }
}

/** Reads entries of a stream; what none of ours has written is left out. */
export const readEntries = (
  app: App,
  channel: ChannelName,
  entries: readonly StreamEntry[],
): KeptEvent[] =>
  entries.flatMap(([id, [, , , head = '', , data]]) => {
    const fields = parseJson(`[${head.slice(1)}]`)
    const kept = Array.isArray(fields) ? readKept(fields, data) : undefined
    if (!kept) return []
    const publication = { ...kept.sent, app, channel }
    const offset = Number(id.slice(0, id.indexOf('-')))
    return [{ offset, publication, at: 0, bytes: bytesOf(publication), row: 0 }]
  })
