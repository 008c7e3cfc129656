/** The ways in which Redis fails a node. */
import type { RedisAddress } from '../../config/redis-url'
import { raise, REFUSE } from '../../core/errors'

/** Redis did not answer, or cannot do it now; a repeat may succeed. */
export class RedisAway extends Error {
  override readonly name: string = 'RedisAway'
  constructor(
    /** In words, for people. */
    reason: string,
    /** It was sent, and nobody knows whether it was carried out. Otherwise it was not. */
    readonly maySent: boolean,
  ) {
    super(reason)
  }
}

/** Another node of the Cluster has the keys, or will have them soon. Nothing was carried out. */
export class RedisMoved extends RedisAway {
  override readonly name: string = 'RedisMoved'
  constructor(
    reason: string,
    /** Who has them; undefined while they are moved, and nobody has all of them. */
    readonly to: RedisAddress | undefined,
  ) {
    super(reason, false)
  }
}

/** A Redis that cannot serve, however long one waits: a wrong password, an old version. */
export class RedisUnfit extends Error {
  override readonly name = 'RedisUnfit'
}

export const tooFewRights = (message: string): string =>
  `Redis gives the user too few rights: ${message} (docs/scaling.md has the line that suffices)`

/** What is asked of Redis is answered by then, or will not be. */
export const PATIENCE_MS = 3000

export const NO_ANSWER = `no answer within ${PATIENCE_MS / 1000} seconds`

/** @throws (rejects with) RedisAway past PATIENCE_MS for each of the steps, and with what the promise rejects with */
export async function withPatience<T>(promise: Promise<T>, steps = 1): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RedisAway(NO_ANSWER, true)), PATIENCE_MS * steps)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Refusals of Redis itself: nothing was carried out, and a repeat may succeed. */
const AWAY =
  /^(OOM|READONLY|LOADING|BUSY|MISCONF|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOSCRIPT|NOPERM|NOAUTH)\b/
const MOVED = /^(?:MOVED \d+ (.*):(\d+)$|ASK |TRYAGAIN)/

/**
 * What a refusal means; undefined where it is the script's own. `from` is whom it came from: a node that does not
 * know how others reach the new one leaves the host away.
 */
export function explainRefusal(message: string, from: RedisAddress | undefined) {
  const moved = MOVED.exec(message)
  if (moved) {
    const [, host = '', port] = moved
    const known = host === '' || host === '?' ? from?.host : host
    const to =
      port === undefined || known === undefined ? undefined : { host: known, port: Number(port) }
    return new RedisMoved(message, to)
  }
  return AWAY.test(message) ? new RedisAway(message, false) : undefined
}

/** Refusals after which a connection is of no more use: it leads to the wrong server, or lacks its scripts. */
export const isUseless = (message: string): boolean =>
  /^(READONLY|NOSCRIPT|MASTERDOWN|NOAUTH)\b/.test(message)

/** What a script itself answers as an error; its first word is a code. */
export class ScriptRefused extends Error {
  override readonly name = 'ScriptRefused'
}

/** True for what the server answered; false for what became of the connection. */
export const isReply = (cause: unknown): cause is Error =>
  cause instanceof Error && cause.name === 'ReplyError'

/** For what is found and mended later, by a comparison or a snapshot. */
export function ignoreAway(cause: unknown): void {
  if (!(cause instanceof RedisAway)) throw cause
}

/** For what the API asks. @throws RealtimeError('engine_unavailable') where Redis is away */
export function refuseAway(cause: unknown): never {
  if (cause instanceof RedisAway) raise(REFUSE.engineAway)
  throw cause
}
