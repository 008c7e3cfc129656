/**
 * Moves: commands that change a connection's channels or its user. One turn of the event loop may bring
 * thousands, from one socket or from a crowd that reconnects; those that it has no time for wait.
 */
import type { Connection } from '../core/connection'
import type { Codec } from './codec'
import type { Core } from '../core/core'
import { isRefusal, type Refusal } from '../core/errors'
import { isSpent, checkBudget } from '../core/event-budget'
import type { Command, SigninCommand, SubscribeCommand, UnsubscribeCommand } from '../core/messages'
import { signin } from '../core/signin'
import { subscribe, unsubscribe } from '../core/subscribe'
import type { MaybePromise } from '../core/types'

type Move = SubscribeCommand | UnsubscribeCommand | SigninCommand

const MOVES: ReadonlySet<Command['type']> = new Set(['subscribe', 'unsubscribe', 'signin'])

/** From here on a frame is large: a read of the runtime brings few of them. Small ones make a turn late. */
export const LARGE_CHARS = 4096

/**
 * Refuses or drops, unread, a large frame that can only be a client event of a connection whose byte
 * budget is spent. Undefined for any other frame, which is to be read.
 */
export function checkLargeFrame(
  core: Core,
  conn: Connection<Codec>,
  frame: string | Uint8Array,
): Command | Refusal | undefined {
  if (frame.length < LARGE_CHARS || !isSpent(core, conn, frame.length)) return undefined
  if (typeof frame === 'string' && conn.codec.movePattern.test(frame)) return undefined
  return checkBudget(core, conn, frame)
}

export const isMove = (command: Command | Refusal): command is Move =>
  !isRefusal(command) && MOVES.has(command.type)

/** Runs a move on the account of this turn, or returns the refusal. A promise where a plugin's gate waits. */
export function move(
  core: Core,
  conn: Connection,
  command: Move,
): MaybePromise<Refusal | undefined> {
  const began = core.slices.meter()
  const answer = runMove(core, conn, command)
  core.slices.spend(began)
  return answer
}

function runMove(core: Core, conn: Connection, command: Move): MaybePromise<Refusal | undefined> {
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
