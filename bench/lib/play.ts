/**
 * One play: a fresh server, a load process, an outcome.
 */
import type { LoadOrder } from './load'
import { runLoad, startServer, type ServerOptions } from './processes'
import type { Outcome, Turn } from './question'
import { findSide, type Peer } from './sides'

/**
 * Until the code is compiled and the first rounds of the collector are over. Code that is still being
 * compiled costs half as much again; from two and a half seconds on, more changes nothing. Who was
 * compiled beforehand has caches and buffers to fill, and no more. Who looks
 * for less than one and a half has no figures worth that wait.
 */
const WARM_UP = { seconds: 2.5, compiled: 1, measuring: 1.5, share: 0.4 }

type Play = (turn: Turn) => Promise<Outcome>

/** Plays a script of `bench/loads` against a fresh server. */
export function playLoad(script: string, options: ServerOptions = {}): Play {
  return async (turn) => {
    await using server = await startServer(turn.side, options)
    return await runAgainst(script, turn, server.peer)
  }
}

/** Plays a script of `bench/loads` against a server that was started for it. */
export const runAgainst = (script: string, turn: Turn, peer: Peer): Promise<Outcome> =>
  runLoad(script, orderOf(turn, peer), turn.onProgress)

const NOBODY: Peer = {
  host: '',
  port: 0,
  pid: undefined,
  app: { id: '', key: '', secret: '' },
  protocol: 'pusher',
  meterFile: undefined,
}

/** Plays a script that needs no server. */
export function playAlone(script: string): Play {
  return (turn) => runLoad(script, orderOf(turn, NOBODY), turn.onProgress)
}

function orderOf({ row, side, seconds, onProgress }: Turn, peer: Peer): LoadOrder<unknown> {
  const whole = findSide(side).isCompiled ? WARM_UP.compiled : WARM_UP.seconds
  return {
    case: row,
    peer,
    warmUpSeconds: seconds < WARM_UP.measuring ? seconds * WARM_UP.share : whole,
    seconds,
    isWatched: onProgress !== undefined,
  }
}
