/**
 * Which rule of an app covers a channel, and whether one did all the time: an event that was published while none did
 * is missing in the stream, which must not be taken for whole.
 */
import type { App, HistoryRule } from './app'
import type { ChannelKind } from './channel'
import { jsonOf } from './json'
import type { Bounds } from './stream'
import type { ChannelName } from './types'

/** The first rule of the app that covers the channel. Events of users, watchlists and groups are never kept. */
export const ruleOf = (
  { record: { history } }: App,
  channel: ChannelName,
  kind: ChannelKind,
): HistoryRule | undefined => findRule(history, channel, kind)

function findRule(
  rules: readonly HistoryRule[],
  channel: ChannelName,
  kind: ChannelKind,
): HistoryRule | undefined {
  if (rules.length === 0 || !kind.counted) return undefined
  for (const rule of rules)
    if (channel.startsWith(rule.prefix) && isNamed(kind, rule.prefix)) return rule
  return undefined
}

/** What a rule keeps of each channel. */
export const boundsOf = ({ limits }: App, { size, ttl_seconds: seconds }: HistoryRule): Bounds => ({
  size,
  ttlMs: seconds * 1000,
  bytes: limits.maxHistoryBytesPerChannel,
})

/** Whoever is let in later reads what was said before: a rule covers such channels only where it says so. */
function isNamed({ auth, presence }: ChannelKind, prefix: string): boolean {
  if (auth === 'none') return true
  if (presence) return prefix.startsWith('presence-')
  return prefix.startsWith('private-') || prefix.startsWith('private:')
}

/** Lists of rules that are remembered of an app, with different prefixes. */
const MAX_LISTS = 20

type List = { readonly prefixes: string; readonly rules: readonly HistoryRule[]; lastAt: number }

const prefixesOf = (rules: readonly HistoryRule[]): string =>
  jsonOf(rules.map(({ prefix }) => prefix))!

/** The rules that an app has had since it has streams. */
export class PastRules {
  /** How many times they were changed. */
  count = 0
  /** Those of the last ones. */
  prefixes: string
  readonly #lists: List[] = []

  constructor(rules: readonly HistoryRule[]) {
    this.prefixes = prefixesOf(rules)
  }

  /** Notes the rules of now. False where there were too many different ones to remember. */
  add(rules: readonly HistoryRule[]): boolean {
    const prefixes = (this.prefixes = prefixesOf(rules))
    const known = this.#lists.find((list) => list.prefixes === prefixes)
    this.count++
    if (known) known.lastAt = this.count
    else this.#lists.push({ prefixes, rules, lastAt: this.count })
    return this.#lists.length <= MAX_LISTS
  }

  /** True where each list after the first `count` changes covers the channel. */
  haveCovered(channel: ChannelName, kind: ChannelKind, count: number): boolean {
    return this.#lists.every(
      ({ lastAt, rules }) => lastAt <= count || findRule(rules, channel, kind) !== undefined,
    )
  }
}
