/** Snapshot: what Redis knows of a channel, as `scripts/listen.lua` answers. */
import { parseJson } from '../core/json'
import { Roster } from '../core/roster'
import { NOT_KEPT } from '../core/stream'
import type { Member, Meta, Position, SocketId } from '../core/types'
import { inOrder, inTurns, nextTurn } from './in-turns'
import { isMember, isMeta } from './wire'

/** A seat, and the node that holds it, by its id in the partition. */
export type Seat = {
  node: string
  /** Undefined in a user's own channel, like `meta`. */
  readonly member: Member | undefined
  readonly meta: Meta | undefined
}

export type Snapshot = {
  readonly epoch: string
  readonly rev: number
  /** Each member's first; members in the order in which they joined. */
  readonly seats: Map<SocketId, Seat>
  /** Those members; undefined where it was not asked for. */
  readonly roster: Roster | undefined
  /** Of subscriptions without seats, by node. */
  readonly counts: readonly (readonly [string, number])[]
  /** The last order, as it is kept; empty where there is none. */
  readonly order: string
  /** The last event of a cache channel, as it is kept, and for how many milliseconds still. */
  readonly last: string
  readonly lastMs: number
  /** That of the stream; `NOT_KEPT` where there is none. */
  readonly position: Position
  /** The epochs that it had before it went on with this one. */
  readonly pasts: ReadonlySet<string>
  /** Entries of it that the node has missed, and whether they are all. */
  readonly missed: readonly StreamEntry[]
  readonly isWhole: boolean
  /** How many messages until `rev` were no events. */
  readonly others: number
}

/** An entry of a stream of Redis: its id, then names and values by turns. */
export type StreamEntry = readonly [id: string, fields: readonly string[]]

type Answer = readonly [
  epoch: string,
  rev: number,
  seats: HashAnswer,
  users: HashAnswer,
  counts: string[],
  order: string,
  last: string,
  lastMs: number,
  stream: string,
  offset: number,
  missed: StreamEntry[],
  isWhole: number,
  pasts: string,
  others: number,
]

/** As `scripts/hashes.lua` answers: names and values by turns, or texts of JSON with some of them each. */
export type HashAnswer = readonly [hasParts: number, texts: readonly string[]]

/** Members or seats that one turn reads: some milliseconds. */
const READ_AT_ONCE = 200

/**
 * Reads an answer, in as many turns as that takes; undefined where the node has to begin anew, since its lease is over.
 * What it makes may be taken as it is: `withRoster` is for a replica that has no members yet.
 */
export async function readSnapshot(
  answer: unknown,
  withRoster: boolean,
): Promise<Snapshot | undefined> {
  const [epoch, rev, seats, users, counts, order, last, lastMs, ...kept] = answer as Answer
  if (epoch === 'EXPIRED') return undefined
  const members = await readMembers(users)
  const placed = await readSeats(await flatten(seats), members)
  const [stream, offset, missed, isWhole, pasts, others] = kept
  return {
    epoch,
    rev,
    seats: placed,
    roster: withRoster ? await rosterOf(placed) : undefined,
    counts: pairs(counts).map(([node, count]) => [node, Number(count)] as const),
    order,
    last,
    lastMs,
    position: stream === '' ? NOT_KEPT : { epoch: stream, offset },
    pasts: new Set(pasts.split('\n').map((line) => line.split(' ', 1)[0]!)),
    missed,
    isWhole: isWhole === 1,
    others,
  }
}

/** Names and values by turns. */
async function flatten([hasParts, texts]: HashAnswer): Promise<readonly string[]> {
  if (hasParts === 0) return texts
  const flat: string[] = []
  for (const part of texts) {
    flat.push(...(JSON.parse(part) as string[]))
    await nextTurn()
  }
  return flat
}

type KnownMember = { readonly rev: number; readonly member: Member }
type Members = ReadonlyMap<string, KnownMember>

/** Members by id: `seats`, the number of the message that they came with, and their JSON, in three lines. */
export async function readMembers(answer: HashAnswer): Promise<Members> {
  const users = await flatten(answer)
  const members = new Map<string, KnownMember>()
  for (let at = 0; at < users.length; at += 2) {
    const [, rev, json = ''] = users[at + 1]!.split('\n')
    const member = parseJson(json)
    if (isMember(member)) members.set(users[at]!, { rev: Number(rev), member })
    if (isTurnOver(at)) await nextTurn()
  }
  return members
}

async function readSeats(flat: readonly string[], members: Members): Promise<Map<SocketId, Seat>> {
  const read: ReturnType<typeof readSeat>[] = []
  for (let at = 0; at < flat.length; at += 2) {
    read.push(readSeat(flat[at] as SocketId, flat[at + 1]!, members))
    if (isTurnOver(at)) await nextTurn()
  }
  const seats = new Map<SocketId, Seat>()
  const sorted = await inOrder(read, ({ rev }) => rev)
  await inTurns(sorted, ({ socketId, seat }) => seats.set(socketId, seat))
  return seats
}

async function rosterOf(seats: ReadonlyMap<SocketId, Seat>): Promise<Roster> {
  const roster = new Roster()
  await inTurns(seats.values(), ({ member, meta }) => {
    if (member && meta) roster.take({ member, meta })
  })
  return roster
}

/** A seat: the node, the connection as JSON, and the user, who may have line breaks. */
function readSeat(socketId: SocketId, text: string, members: Members) {
  const [node = '', json = '', ...user] = text.split('\n')
  const { member, rev = 0 } = members.get(user.join('\n')) ?? {}
  const meta = parseJson(json)
  const seat: Seat = { node, member, meta: isMeta(meta) ? meta : undefined }
  return { rev, socketId, seat }
}

const isTurnOver = (at: number): boolean => at % (2 * READ_AT_ONCE) === 2 * READ_AT_ONCE - 2

/** A hash, as Redis gives it: names and values by turns. */
export function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[2 * index]!,
    flat[2 * index + 1]!,
  ])
}
