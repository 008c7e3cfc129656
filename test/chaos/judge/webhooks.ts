/**
 * Webhooks: after those that came again are left out, arrivals and departures of a channel and of its members
 * alternate, and the last of them is true.
 */
import { isPresence, type Journal, type Wrong } from '../journal'
import { openByChannel, readSubscriptions } from './subscriptions'

const ARRIVALS = ['channel_occupied', 'member_added']
const DEPARTURES = ['channel_vacated', 'member_removed']

export function judgeWebhooks(journal: Journal): Wrong[] {
  const wrongs: Wrong[] = []
  const isThere = new Map<string, boolean>()
  const known = new Set<string>()
  for (const entry of journal) {
    if (entry.type !== 'webhook' || known.has(entry.body)) continue
    known.add(entry.body)
    const { name, channel, user } = entry
    const isArrival = ARRIVALS.includes(name)
    if (!isArrival && !DEPARTURES.includes(name)) continue
    const subject = subjectOf(channel, user)
    if ((isThere.get(subject) ?? false) === isArrival)
      wrongs.push({ rule: 'webhooks', of: subject, what: `${name} out of turn: ${entry.body}` })
    isThere.set(subject, isArrival)
  }
  const truth = subjectsThere(journal)
  for (const subject of new Set([...truth, ...isThere.keys()]))
    if (truth.has(subject) !== (isThere.get(subject) ?? false))
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
