/** The subscriptions of a journal, from their beginning to their end. */
import type { Conn, Entry, Journal, Sub } from '../journal'

export type Subscription = {
  readonly sub: Sub
  readonly channel: string
  readonly user: string | undefined
  readonly isKept: boolean
  readonly began: number
  /** Members as the client believed at the end. */
  readonly members: ReadonlySet<string>
  /** Events in the order in which they were heard, and when. */
  readonly heard: readonly { readonly event: string; readonly at: number }[]
  /** The nodes that it was on, and since when. */
  readonly nodes: readonly { readonly node: string; readonly since: number }[]
  /** When it was told that something was missed for good. */
  readonly unrecovered: readonly number[]
  /** When it ended; undefined while it is there. */
  readonly ended: number | undefined
  /** What its members' news had that cannot be. */
  readonly oddities: readonly string[]
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

type Open = Omit<
  Writable<Subscription>,
  'members' | 'heard' | 'nodes' | 'unrecovered' | 'oddities'
> & {
  conn: Conn
  members: Set<string>
  heard: { event: string; at: number }[]
  nodes: { node: string; since: number }[]
  unrecovered: number[]
  oddities: string[]
}

/** Reads all subscriptions of a journal. @throws Error for an entry of a subscription that there is not */
export function readSubscriptions(journal: Journal): readonly Subscription[] {
  const nodeOf = new Map<Conn, string>()
  const subs = new Map<Sub, Open>()
  for (const entry of journal) {
    if (entry.type === 'connected') nodeOf.set(entry.conn, entry.node)
    else if (entry.type === 'disconnected') endAll(subs, entry)
    else if (entry.type === 'subscribed') subs.set(entry.sub, open(entry, nodeOf))
    else if ('sub' in entry) {
      const sub = subs.get(entry.sub)
      if (!sub) throw new Error(`no subscription ${entry.sub} for ${JSON.stringify(entry)}`)
      take(sub, entry, nodeOf)
    }
  }
  return [...subs.values()]
}

function open(
  { sub, conn, channel, members = [], user, isKept = false, at }: Entry & { type: 'subscribed' },
  nodeOf: ReadonlyMap<Conn, string>,
): Open {
  const nodes = [{ node: nodeOf.get(conn) ?? 'unknown', since: at }]
  const lists = { members: new Set(members), heard: [], nodes, unrecovered: [], oddities: [] }
  const own: Open = { sub, conn, channel, user, isKept, began: at, ended: undefined, ...lists }
  if (new Set(members).size !== members.length) own.oddities.push('a member is twice in the reply')
  if (user !== undefined && !own.members.has(user)) own.oddities.push(`${user} is not in the reply`)
  return own
}

/** A page whose connection has ended comes back by another. */
function endAll(
  subs: ReadonlyMap<Sub, Open>,
  { conn, at }: Entry & { type: 'disconnected' },
): void {
  for (const sub of subs.values()) if (sub.conn === conn && !sub.isKept) sub.ended ??= at
}

function take(sub: Open, entry: Entry & { sub: Sub }, nodeOf: ReadonlyMap<Conn, string>): void {
  if (entry.type === 'unsubscribed') sub.ended ??= entry.at
  if (sub.ended !== undefined) return
  if (entry.type === 'resumed' || entry.type === 'forgotten') {
    sub.conn = entry.conn
    sub.nodes.push({ node: nodeOf.get(entry.conn) ?? 'unknown', since: entry.at })
    if (entry.type === 'resumed' && !entry.recovered) sub.unrecovered.push(entry.at)
  } else if (entry.type === 'heard') sub.heard.push({ event: entry.event, at: entry.at })
  else if (entry.type === 'added' || entry.type === 'removed') takeNews(sub, entry)
}

function takeNews(sub: Open, { type, user }: { type: 'added' | 'removed'; user: string }): void {
  const isThere = sub.members.has(user)
  if (user === sub.user) sub.oddities.push(`${user} is told that they were ${type} themselves`)
  else if (isThere === (type === 'added'))
    sub.oddities.push(`${user} was ${type}, and was ${isThere ? '' : 'not '}there`)
  if (type === 'added') sub.members.add(user)
  else sub.members.delete(user)
}

/** Those that are there at the end, by channel. */
export function openByChannel(
  subscriptions: readonly Subscription[],
): ReadonlyMap<string, readonly Subscription[]> {
  const open = subscriptions.filter(({ ended }) => ended === undefined)
  return Map.groupBy(open, ({ channel }) => channel)
}
