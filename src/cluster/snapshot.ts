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

/** Reads an answer; undefined where the node has to begin anew, since its lease is over. */
export function readSnapshot(answer: unknown): Snapshot | undefined {
  const [epoch, rev, seats, users, counts, order, last, lastMs, stream, offset, missed, isWhole] =
    answer as Answer
  if (epoch === 'EXPIRED') return undefined
  const members = readMembers(users)
  return {
    epoch,
    rev,
    seats: pairs(seats)
      .flatMap(([socketId, text]) => readSeat(socketId as SocketId, text, members))
      .sort(([, one], [, other]) => joinedAt(members, one) - joinedAt(members, other)),
    counts: pairs(counts).map(([node, count]) => [node, Number(count)] as const),
    order,
    last,
    lastMs,
    position: stream === '' ? NOT_KEPT : { epoch: stream, offset },
    missed,
    isWhole: isWhole === 1,
  }
}

type Members = ReadonlyMap<string, { readonly rev: number; readonly member: Member }>

/** Members by id: `seats`, the number of the message that they came with, and their JSON, in three lines. */
export const readMembers = (users: readonly string[]): Members =>
  new Map(
    pairs(users).flatMap(([userId, text]) => {
      const [, rev, json] = text.split('\n')
      const member = parseJson(json ?? '')
      return isMember(member) ? [[userId, { rev: Number(rev), member }]] : []
    }),
  )

/** A seat: the node, the connection as JSON, and the user, who may have line breaks. */
function readSeat(socketId: SocketId, text: string, members: Members): [SocketId, Seat][] {
  const [node = '', json = '', ...user] = text.split('\n')
  const known = members.get(user.join('\n'))
  const meta = parseJson(json)
  return [[socketId, { node, member: known?.member, meta: isMeta(meta) ? meta : undefined }]]
}

const joinedAt = (members: Members, { member }: Seat): number =>
  (member && members.get(member.userId)?.rev) ?? 0

/** A hash, as Redis gives it: names and values by turns. */
export function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[2 * index]!,
    flat[2 * index + 1]!,
  ])
}
