/**
 * Moves: a connection changes where it is, or who. Thousands of them may come in one turn of the event
 * loop, of one socket or of a crowd that comes back; what the turn has no time for waits for the next.
 */
import type { Connection } from '../core/connection'
import type { Codec } from './codec'
import type { Core } from '../core/core'
import { isRefusal, type Refusal } from '../core/errors'
import { isSpent, overBudget } from '../core/event-budget'
import type { Command, SigninCommand, SubscribeCommand, UnsubscribeCommand } from '../core/messages'
import { signin } from '../core/signin'
import { subscribe, unsubscribe } from '../core/subscribe'
import type { MaybePromise } from '../core/types'

type Move = SubscribeCommand | UnsubscribeCommand | SigninCommand

const MOVES: ReadonlySet<Command['type']> = new Set(['subscribe', 'unsubscribe', 'signin'])

/** Of such frames a read of the runtime brings few, and none costs more than its arrival: small ones make a turn late. */
export const LARGE_CHARS = 4096

/**
 * What becomes of a large frame that can only be an event of a client who has no bytes left for one: it
 * costs no more than its arrival. Undefined for any other, which is to be read.
 */
export function unread(
  core: Core,
  conn: Connection<Codec>,
  frame: string | Uint8Array,
): Command | Refusal | undefined {
  if (frame.length < LARGE_CHARS || !isSpent(core, conn, frame.length)) return undefined
  if (typeof frame === 'string' && conn.codec.moves.test(frame)) return undefined
  return overBudget(core, conn, frame)
}

export const isMove = (command: Command | Refusal): command is Move =>
  !isRefusal(command) && MOVES.has(command.type)

/** Moves, on the account of this turn, or returns why not. A promise where a plugin's gate waits. */
export function move(
  core: Core,
  conn: Connection,
  command: Move,
): MaybePromise<Refusal | undefined> {
  const began = core.slices.meter()
  const answer = moveNow(core, conn, command)
  core.slices.spend(began)
  return answer
}

function moveNow(core: Core, conn: Connection, command: Move): MaybePromise<Refusal | undefined> {
  switch (command.type) {
    case 'subscribe':
      return subscribe(core, conn, command)
    case 'unsubscribe':
      unsubscribe(core, conn, command)
      return undefined
    case 'signin':
      return signin(core, conn, command)
  }
}
