/** What was heard: each event once, in one order for all; and nothing that was accepted is lost in silence. */
import type { Journal, Wrong } from '../journal'
import { readSubscriptions, type Subscription } from './subscriptions'

/** Events that were asked for again after Redis had lost their keys with all it had: they may be there twice. */
function findUnkeyed(journal: Journal): ReadonlySet<string> {
  const lost = journal.filter(({ type }) => type === 'redis_lost_data').map(({ at }) => at)
  const isUnkeyed = (since: number, until: number): boolean =>
    lost.some((at) => since <= at && at <= until)
  return new Set(
    journal.flatMap((entry) =>
      entry.type === 'accepted' && isUnkeyed(entry.since, entry.at) ? [entry.event] : [],
    ),
  )
}

/** Events that a subscription heard twice. */
export function judgeRepeats(journal: Journal): Wrong[] {
  const unkeyed = findUnkeyed(journal)
  return readSubscriptions(journal).flatMap(({ channel, sub, heard }) => {
    const known = new Set<string>()
    return heard
      .filter(({ event }) => known.size === known.add(event).size && !unkeyed.has(event))
      .map(({ event }) => ({
        rule: 'repeats',
        of: channel,
        what: `subscription ${sub} heard ${event} again`,
      }))
  })
}

/** Channels whose events no single order explains. */
export function judgeOrder(journal: Journal): Wrong[] {
  const unkeyed = findUnkeyed(journal)
  const byChannel = Map.groupBy(readSubscriptions(journal), ({ channel }) => channel)
  return [...byChannel].flatMap(([channel, subs]) => {
    const lists = subs.map(({ heard }) => heard.map(({ event }) => event))
    const circle = findCircle(lists.map((list) => list.filter((event) => !unkeyed.has(event))))
    if (circle.length === 0) return []
    return [{ rule: 'order', of: channel, what: `heard in different orders: ${circle.join(', ')}` }]
  })
}

/** Some of the names that no order has as all lists have them; a list that has one twice counts its first only. */
function findCircle(lists: readonly (readonly string[])[]): readonly string[] {
  const after = new Map<string, Set<string>>()
  const before = new Map<string, number>()
  for (const list of lists) {
    const names = [...new Set(list)]
    for (const [index, name] of names.entries()) {
      const followers = after.get(name) ?? new Set()
      after.set(name, followers)
      if (!before.has(name)) before.set(name, 0)
      const next = names[index + 1]
      if (next === undefined || followers.has(next)) continue
      followers.add(next)
      before.set(next, (before.get(next) ?? 0) + 1)
    }
  }
  const free = [...before].flatMap(([name, count]) => (count === 0 ? [name] : []))
  for (const name of free) {
    before.delete(name)
    for (const next of after.get(name) ?? []) {
      const left = before.get(next)! - 1
      before.set(next, left)
      if (left === 0) free.push(next)
    }
  }
  return [...before.keys()].slice(0, 6)
}

/** How long before a node noticed it the connection of its buses may have failed, and what was sent is under way. */
const SLACK_MS = 1000

type Window = { readonly since: number; readonly until: number }

/** When a node was deaf, as it says; one that is killed cannot say so any more of the time just before. */
function findDeaf(entry: Journal[number]): (Window & { readonly node: string })[] {
  if (entry.type === 'deaf') return [entry]
  const isKill = entry.type === 'fault' && entry.what.startsWith('kill -9')
  return isKill ? [{ node: entry.of, since: entry.at, until: entry.at }] : []
}

/** Accepted events that a subscription must have heard and has not. */
export function judgeLosses(journal: Journal): Wrong[] {
  const accepted = journal.filter((entry) => entry.type === 'accepted')
  const byChannel = Map.groupBy(accepted, ({ channel }) => channel)
  const deafOf = Map.groupBy(journal.flatMap(findDeaf), ({ node }) => node)
  const lost = journal.filter(({ type }) => type === 'redis_lost_data').map(({ at }) => at)
  const wrongs: Wrong[] = []
  for (const sub of readSubscriptions(journal)) {
    const heard = new Set(sub.heard.map(({ event }) => event))
    const end = endOf(sub, byChannel.get(sub.channel) ?? [])
    for (const { event, since, at } of byChannel.get(sub.channel) ?? []) {
      if (heard.has(event) || since <= sub.began || at >= end) continue
      if (isExcused(sub, { since, until: at }, deafOf, lost)) continue
      const { channel } = sub
      wrongs.push({ rule: 'losses', of: channel, what: `subscription ${sub.sub} lost ${event}` })
    }
  }
  return wrongs
}

/** Events that were accepted before this must have been heard: it is there, or has heard one that came later. */
function endOf(
  { ended, heard }: Subscription,
  accepted: readonly { readonly event: string; readonly since: number }[],
): number {
  if (ended === undefined) return Infinity
  const sinceOf = new Map(accepted.map(({ event, since }) => [event, since]))
  return Math.max(-Infinity, ...heard.map(({ event }) => sinceOf.get(event) ?? -Infinity))
}

function isExcused(
  sub: Subscription,
  { since, until }: Window,
  deafOf: ReadonlyMap<string, readonly Window[]>,
  lost: readonly number[],
): boolean {
  const isDeaf = sub.nodes.some(({ node }) =>
    (deafOf.get(node) ?? []).some(
      (deaf) => deaf.since - SLACK_MS < until && since < deaf.until + SLACK_MS,
    ),
  )
  if (!sub.isKept) return isDeaf
  // A page that was told so knows; one that stayed may have missed what Redis has lost with all it had.
  return (
    sub.unrecovered.some((at) => since < at) || (isDeaf && lost.some((at) => since < at + SLACK_MS))
  )
}
