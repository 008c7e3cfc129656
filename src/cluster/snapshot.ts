/** Snapshot: what Redis knows of a channel, as `scripts/listen.lua` answers. */
import { parseJson } from '../core/json'
import { NOT_KEPT } from '../core/stream'
import type { Member, Meta, Position, SocketId } from '../core/types'
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
  readonly seats: readonly (readonly [SocketId, Seat])[]
  /** Of subscriptions without seats, by node. */
  readonly counts: readonly (readonly [string, number])[]
  /** The last order, as it is kept; empty where there is none. */
  readonly order: string
  /** The last event of a cache channel, as it is kept, and for how many milliseconds still. */
  readonly last: string
  readonly lastMs: number
  /** That of the stream; `NOT_KEPT` where there is none. */
  readonly position: Position
  /** Entries of it that the node has missed, and whether they are all. */
  readonly missed: readonly StreamEntry[]
  readonly isWhole: boolean
}

/** An entry of a stream of Redis: its id, then names and values by turns. */
export type StreamEntry = readonly [id: string, fields: readonly string[]]

type Answer = readonly [
  epoch: string,
  rev: number,
  seats: string[],
  users: string[],
  counts: string[],
  order: string,
  last: string,
  lastMs: number,
  stream: string,
  offset: number,
  missed: StreamEntry[],
  isWhole: number,
]

/** Members or seats that one turn reads: some milliseconds. */
const READ_AT_ONCE = 200

/** Reads an answer; undefined where the node has to begin anew, since its lease is over. */
export async function readSnapshot(answer: unknown): Promise<Snapshot | undefined> {
  const [epoch, rev, seats, users, counts, order, last, lastMs, stream, offset, missed, isWhole] =
    answer as Answer
  if (epoch === 'EXPIRED') return undefined
  const members = await readMembers(users)
  return {
    epoch,
    rev,
    seats: await readSeats(seats, members),
    counts: pairs(counts).map(([node, count]) => [node, Number(count)] as const),
    order,
    last,
    lastMs,
    position: stream === '' ? NOT_KEPT : { epoch: stream, offset },
    missed,
    isWhole: isWhole === 1,
  }
}

type KnownMember = { readonly rev: number; readonly member: Member }
type Members = ReadonlyMap<string, KnownMember>

/** Members by id: `seats`, the number of the message that they came with, and their JSON, in three lines. */
export async function readMembers(users: readonly string[]): Promise<Members> {
  const members = new Map<string, KnownMember>()
  for (let at = 0; at < users.length; at += 2) {
    const [, rev, json = ''] = users[at + 1]!.split('\n')
    const member = parseJson(json)
    if (isMember(member)) members.set(users[at]!, { rev: Number(rev), member })
    if (isTurnOver(at)) await nextTurn()
  }
  return members
}

async function readSeats(flat: readonly string[], members: Members): Promise<Snapshot['seats']> {
  const seats: { readonly rev: number; readonly seat: readonly [SocketId, Seat] }[] = []
  for (let at = 0; at < flat.length; at += 2) {
    seats.push(readSeat(flat[at] as SocketId, flat[at + 1]!, members))
    if (isTurnOver(at)) await nextTurn()
  }
  return seats.sort((one, other) => one.rev - other.rev).map(({ seat }) => seat)
}

/** A seat: the node, the connection as JSON, and the user, who may have line breaks. */
function readSeat(socketId: SocketId, text: string, members: Members) {
  const [node = '', json = '', ...user] = text.split('\n')
  const { member, rev = 0 } = members.get(user.join('\n')) ?? {}
  const meta = parseJson(json)
  const seat: Seat = { node, member, meta: isMeta(meta) ? meta : undefined }
  return { rev, seat: [socketId, seat] as const }
}

const isTurnOver = (at: number): boolean => at % (2 * READ_AT_ONCE) === 2 * READ_AT_ONCE - 2
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A hash, as Redis gives it: names and values by turns. */
export function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[2 * index]!,
    flat[2 * index + 1]!,
  ])
}
