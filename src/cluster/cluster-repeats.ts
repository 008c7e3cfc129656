/**
 * ClusterRepeats: the keys of requests to any node, and their answers, in Redis. A claim whose node has died is free
 * after a while. Owns the claims of this node's requests that are under way.
 */
import type { App } from '../core/app'
import { REFUSE, type Refusal } from '../core/errors'
import {
  CHARS_PER_KEY,
  KEPT_MS,
  keyInUse,
  keyReused,
  tooManyKeys,
  type Repeats,
} from '../core/repeats'
import { newNonce, type Context } from './context'
import { ignoreAway, RedisAway } from './link/away'
import { partitionOf } from './names'
import type { Script } from './link/script'
import { SCRIPTS } from './scripts'

/** How long a claim holds whose request is not answered. */
const CLAIM_MS = 30_000

/** What Redis has to be told when it is back, at most. */
const MAX_UNTOLD = 10_000

type Arguments = readonly (string | number)[]
type Claimed = { readonly token: string; readonly fingerprint: string }

type ClaimAnswer =
  readonly ['OK' | 'REUSED' | 'IN_USE'] | readonly ['ANSWER', string] | readonly ['FULL', number]

export class ClusterRepeats implements Repeats {
  /** By app and key. */
  readonly #claimed = new Map<string, Claimed>()
  readonly #untold: (readonly [Script, App, Arguments])[] = []

  constructor(readonly context: Context) {}

  async claim(app: App, key: string, fingerprint: string): Promise<string | Refusal | undefined> {
    const token = `${this.context.incarnations.idOf(partitionOf(app.id))} ${newNonce()}`
    const { maxIdempotencyKeys: most } = app.limits
    try {
      const args = [key, fingerprint, token, most, KEPT_MS, CLAIM_MS]
      const [status, detail] = (await this.#run(SCRIPTS.repeatClaim, app, args)) as ClaimAnswer
      switch (status) {
        case 'OK':
          this.#claimed.set(nameOf(app, key), { token, fingerprint })
          return undefined
        case 'ANSWER':
          return detail
        case 'REUSED':
          return keyReused(key)
        case 'IN_USE':
          return keyInUse(key)
        case 'FULL':
          return tooManyKeys(most, detail)
      }
    } catch (cause) {
      if (!(cause instanceof RedisAway)) throw cause
      if (cause.maySent) this.#tell(SCRIPTS.repeatRelease, app, [key, token])
      return REFUSE.engineAway
    }
  }

  keep(app: App, key: string, answer: string): void {
    const claimed = this.#take(app, key)
    if (!claimed) return
    const { fingerprint, token } = claimed
    const more = Math.floor(answer.length / CHARS_PER_KEY)
    this.#tell(SCRIPTS.repeatKeep, app, [key, fingerprint, token, answer, more, KEPT_MS])
  }

  release(app: App, key: string): void {
    const claimed = this.#take(app, key)
    if (claimed) this.#tell(SCRIPTS.repeatRelease, app, [key, claimed.token])
  }

  #take(app: App, key: string): Claimed | undefined {
    const name = nameOf(app, key)
    const claimed = this.#claimed.get(name)
    this.#claimed.delete(name)
    return claimed
  }

  /** Nobody waits for it. Where Redis is away it is told later, or the claim expires. */
  #tell(script: Script, app: App, args: Arguments): void {
    this.#run(script, app, args).catch((cause: unknown) => {
      ignoreAway(cause)
      if (this.#untold.length < MAX_UNTOLD) this.#untold.push([script, app, args])
    })
  }

  /** Tells what Redis could not be told while it was away. */
  tellAgain(): void {
    for (const [script, app, args] of this.#untold.splice(0)) this.#tell(script, app, args)
  }

  #run(script: Script, app: App, args: Arguments): Promise<unknown> {
    const { link, incarnations } = this.context
    const place = partitionOf(app.id)
    return link.run(script, String(place), [incarnations.idOf(place), app.id, '', ...args])
  }
}

/** Ids of apps have no space. */
const nameOf = (app: App, key: string): string => `${app.id} ${key}`
