/**
 * Who is where: the news that each client gets alternates, and in the end every client and every node believes what
 * is true, which is what the clients' own sockets say.
 */
import { isPresence, type Journal, type Wrong } from '../journal'
import { openByChannel, readSubscriptions, type Subscription } from './subscriptions'

/** News of members that no order of arrivals and departures brings about. */
export function judgeTransitions(journal: Journal): Wrong[] {
  return readSubscriptions(journal).flatMap(({ channel, sub, oddities }) =>
    oddities.map((what) => ({
      rule: 'transitions',
      of: channel,
      what: `subscription ${sub}: ${what}`,
    })),
  )
}

const usersOf = (subs: readonly Subscription[]): string =>
  sorted(new Set(subs.flatMap(({ user }) => user ?? [])))

const sorted = (names: Iterable<string>): string => [...names].sort().join(' ')

/** Clients and nodes that believe at the end what is not so. */
export function judgeReplicas(journal: Journal): Wrong[] {
  const open = openByChannel(readSubscriptions(journal))
  const wrongs: Wrong[] = []
  const expectSame = (of: string, who: string, said: string, truth: string) => {
    if (said !== truth)
      wrongs.push({ rule: 'replicas', of, what: `${who} says [${said}], and it is [${truth}]` })
  }
  for (const [channel, subs] of open) {
    if (!isPresence(channel)) continue
    for (const { sub, members } of subs)
      expectSame(channel, `subscription ${sub}`, sorted(members), usersOf(subs))
  }
  for (const entry of journal) {
    if (entry.type === 'listed')
      expectSame('all channels', entry.node, sorted(entry.channels), sorted(open.keys()))
    if (entry.type !== 'counted') continue
    const { channel, node, subscriptions, users } = entry
    const subs = open.get(channel) ?? []
    expectSame(channel, `the count of ${node}`, String(subscriptions), String(subs.length))
    if (users) expectSame(channel, node, sorted(users), usersOf(subs))
  }
  return wrongs
}

/** Watchlists: news of users alternate, and in the end they are true of all who are signed in. */
export function judgeWatchlists(journal: Journal): Wrong[] {
  const wrongs: Wrong[] = []
  const add = (of: string, what: string) => wrongs.push({ rule: 'watchlists', of, what })
  const userOf = new Map<number, string>()
  /** What connections were told; undefined of users of whom they have not been told yet. */
  const viewsOf = new Map<number, Map<string, boolean | undefined>>()
  for (const entry of journal) {
    if (entry.type === 'signed_in') {
      userOf.set(entry.conn, entry.user)
      viewsOf.set(entry.conn, new Map(entry.watched.map((user) => [user, undefined])))
    }
    if (entry.type === 'disconnected') {
      userOf.delete(entry.conn)
      viewsOf.delete(entry.conn)
    }
    if (entry.type !== 'online' && entry.type !== 'offline') continue
    const { conn, user, type } = entry
    const views = viewsOf.get(conn)
    if (views?.get(user) === (type === 'online')) add(user, `connection ${conn} has known: ${type}`)
    if (!views?.has(user)) add(user, `connection ${conn} does not watch them`)
    views?.set(user, type === 'online')
  }
  const online = new Set(userOf.values())
  for (const [conn, views] of viewsOf)
    for (const [user, isOnline] of views)
      if (isOnline !== online.has(user))
        add(user, `connection ${conn} believes in the end that online is ${isOnline}`)
  return wrongs
}
