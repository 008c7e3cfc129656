/**
 * Moves: a connection changes where it is, or who. Thousands of them may come in one turn of the event
 * loop, of one socket or of a crowd that comes back; what the turn has no time for waits for the next.
 */
import type { Connection } from '../core/connection'
import type { Core } from '../core/core'
import { isRefusal, type Refusal } from '../core/errors'
import { signin } from '../core/signin'
import { subscribe, unsubscribe } from '../core/subscribe'
import type {
  Command,
  MaybePromise,
  SigninCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from '../core/types'

type Move = SubscribeCommand | UnsubscribeCommand | SigninCommand

const MOVES: ReadonlySet<Command['type']> = new Set(['subscribe', 'unsubscribe', 'signin'])

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
