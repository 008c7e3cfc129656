/**
 * Commands: the connection on which scripts are carried out. Bounds what has no answer yet: past it commands are
 * refused at once, so that a server that hangs costs no memory.
 */
import { createHash } from 'node:crypto'
import { messageOf } from '../core/errors'
import { RedisAway, withPatience } from './away'
import type { Dialled } from './dial'
import { Keeper, type KeeperOptions } from './keeper'
import type { Script } from './script'

const MAX_WAITING = 100_000
const MAX_WAITING_BYTES = 64 * 2 ** 20

/** A script as this kind of Redis is given it. */
type Prepared = { readonly sha: string; readonly text: string }

/** Refusals of Redis itself: nothing was carried out, and a repeat may succeed. */
const AWAY =
  /^-?(OOM|READONLY|LOADING|BUSY|MISCONF|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOSCRIPT|MOVED|ASK|TRYAGAIN|NOPERM|NOAUTH)\b/
/** Of these, those after which this connection is of no more use. */
const USELESS = /^(READONLY|NOSCRIPT|MASTERDOWN)\b/

export type CommandsOptions = Pick<KeeperOptions, 'clock' | 'dial' | 'onUp' | 'onDown'> & {
  readonly scripts: readonly Script[]
  readonly isCluster: boolean
}

export class Commands {
  readonly #keeper: Keeper
  readonly #prepared = new Map<Script, Prepared>()
  /** Scripts that the connection has. */
  #loaded = new Set<Script>()
  #waitingBytes = 0

  constructor(private readonly options: CommandsOptions) {
    this.#keeper = new Keeper({
      ...options,
      prepare: async (dialled) => {
        this.#loaded = new Set()
        this.#waitingBytes = 0
        await withPatience(
          Promise.all(options.scripts.map((script) => this.#load(dialled, script))),
        )
      },
    })
  }

  get isUp(): boolean {
    return this.#keeper.current !== undefined
  }

  get trouble(): string | undefined {
    return this.#keeper.trouble
  }

  /** Done after the first attempt. @throws RedisUnfit */
  start(): Promise<void> {
    return this.#keeper.start()
  }

  close(): void {
    this.#keeper.close()
  }

  /** @throws (rejects with) RedisAway, and with the error of the script where it gives one */
  run(script: Script, key: string, args: readonly (string | number)[]): Promise<unknown> {
    const dialled = this.#keeper.current
    if (dialled === undefined)
      return Promise.reject(new RedisAway(this.#keeper.trouble ?? 'not connected', false))
    let bytes = 0
    for (const arg of args) bytes += typeof arg === 'string' ? arg.length : 8
    const keeper = this.#keeper
    if (keeper.asked - keeper.answered >= MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES)
      return Promise.reject(new RedisAway('too much has no answer yet', false))
    if (!this.#loaded.has(script)) this.#load(dialled, script).catch(() => undefined)
    const { sha } = this.#prepare(script)
    keeper.asked++
    this.#waitingBytes += bytes
    return dialled.redis.call('EVALSHA', sha, 1, key, ...args).then(
      (answer) => {
        this.#count(dialled, bytes)
        return answer
      },
      (cause: unknown) => {
        this.#count(dialled, bytes)
        throw this.#explain(dialled, cause)
      },
    )
  }

  #count(dialled: Dialled, bytes: number): void {
    if (this.#keeper.current !== dialled) return
    this.#keeper.answered++
    this.#waitingBytes -= bytes
  }

  #explain(dialled: Dialled, cause: unknown): Error {
    const message = messageOf(cause)
    if (!isReply(cause)) return new RedisAway(this.#keeper.trouble ?? message, true)
    if (!AWAY.test(message)) return cause
    if (USELESS.test(message) && this.#keeper.current === dialled) this.#keeper.drop(message)
    return new RedisAway(message, false)
  }

  #prepare(script: Script): Prepared {
    return this.#prepared.getOrInsertComputed(script, () => {
      const speak = this.options.isCluster ? 'SPUBLISH' : 'PUBLISH'
      const text = `local SPEAK = '${speak}'\n${script.text}`
      return { text, sha: createHash('sha1').update(text).digest('hex') }
    })
  }

  /** Commands after this one are carried out after it: nobody has to wait. */
  async #load({ redis }: Dialled, script: Script): Promise<void> {
    this.#loaded.add(script)
    try {
      await redis.script('LOAD', this.#prepare(script).text)
    } catch (cause) {
      throw isReply(cause) ? new Error(`script ${script.name}: ${messageOf(cause)}`) : cause
    }
  }
}

/** True for what the server answered; false for what became of the connection. */
const isReply = (cause: unknown): cause is Error =>
  cause instanceof Error && cause.name === 'ReplyError'
