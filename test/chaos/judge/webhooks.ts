/**
 * Webhooks: after those that came again are left out, arrivals and departures of a channel and of its members
 * alternate in the order in which they were written down (those of a node that was away come late), and the last of them is true; but for what Redis has lost with its data.
 */
import { isPresence, type Journal, type Wrong } from '../journal'
import { openByChannel, readSubscriptions } from './subscriptions'

const ARRIVALS = ['channel_occupied', 'member_added']
const DEPARTURES = ['channel_vacated', 'member_removed']

/** What was told so shortly before a loss was told of Redis before it. */
const UNDER_WAY_MS = 1000

/** How long it takes until another node writes down what one has left; a lease, a beat, and a busy machine. */
const TAKEN_OVER_MS = 20_000

export function judgeWebhooks(journal: Journal): Wrong[] {
  const wrongs: Wrong[] = []
  const isThere = new Map<string, boolean>()
  const known = new Set<string>()
  /** When each was last told of; and when Redis has lost what it was about to tell. */
  const toldAt = new Map<string, number>()
  const lost = journal.filter(({ type }) => type === 'redis_lost_data').map(({ at }) => at)
  const isExcused = (subject: string, until: number): boolean =>
    lost.some((at) => (toldAt.get(subject) ?? 0) <= at + UNDER_WAY_MS && at <= until)
  const faults = journal.filter(({ type }) => type === 'fault').map(({ at }) => at)
  /** Two nodes have written it down, since the first went away before it could say that it had. */
  const isAgain = (subject: string, until: number): boolean => {
    const first = toldAt.get(subject) ?? -Infinity
    return (
      until - first < TAKEN_OVER_MS && faults.some((at) => first - TAKEN_OVER_MS < at && at < until)
    )
  }
  const webhooks = journal.filter((entry) => entry.type === 'webhook')
  for (const entry of webhooks.toSorted((one, other) => one.timeMs - other.timeMs)) {
    const { body, name, channel, user } = entry
    const isArrival = ARRIVALS.includes(name)
    if (!isArrival && !DEPARTURES.includes(name)) continue
    const subject = subjectOf(channel, user)
    if ((isThere.get(subject) ?? false) === isArrival) {
      // What is sent again has the same bytes.
      if (!known.has(body) && !isExcused(subject, entry.timeMs) && !isAgain(subject, entry.timeMs))
        wrongs.push({ rule: 'webhooks', of: subject, what: `${name} out of turn: ${body}` })
      continue
    }
    known.add(body)
    toldAt.set(subject, entry.timeMs)
    isThere.set(subject, isArrival)
  }
  const truth = subjectsThere(journal)
  for (const subject of new Set([...truth, ...isThere.keys()]))
    if (truth.has(subject) !== (isThere.get(subject) ?? false) && !isExcused(subject, Infinity))
      wrongs.push({
        rule: 'webhooks',
        of: subject,
        what: `webhooks say that it is ${truth.has(subject) ? 'gone' : 'there'}, and it is not so`,
      })
  return wrongs
}

const subjectOf = (channel: string, user: string | undefined): string =>
  user === undefined ? channel : `${user} in ${channel}`

/** Channels that are occupied at the end, and members of presence channels. */
function subjectsThere(journal: Journal): ReadonlySet<string> {
  const subjects = new Set<string>()
  for (const [channel, subs] of openByChannel(readSubscriptions(journal))) {
    subjects.add(channel)
    if (isPresence(channel)) for (const { user } of subs) subjects.add(subjectOf(channel, user))
  }
  return subjects
}
