/** The ways in which Redis fails a node. */

/** Redis did not answer, or cannot do it now; a repeat may succeed. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway'
  constructor(
    /** In words, for people. */
    reason: string,
    /** It was sent, and nobody knows whether it was carried out. Otherwise it was not. */
    readonly maySent: boolean,
  ) {
    super(reason)
  }
}

/** A Redis that cannot serve, however long one waits: a wrong password, an old version. */
export class RedisUnfit extends Error {
  override readonly name = 'RedisUnfit'
}

/** What is asked of Redis is answered by then, or will not be. */
export const PATIENCE_MS = 3000

/** @throws (rejects with) RedisAway past PATIENCE_MS, and with what the promise rejects with */
export async function withPatience<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RedisAway(NO_ANSWER, true)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export const NO_ANSWER = `no answer within ${PATIENCE_MS / 1000} seconds`
