/**
 * Commands: the connection on which scripts are carried out. Bounds what has no answer yet: past it commands are
 * refused at once, so that a server that hangs costs no memory.
 */
import { createHash } from 'node:crypto'
import { messageOf } from '../../core/errors'
import {
  explainRefusal,
  isReply,
  isUseless,
  RedisAway,
  RedisUnfit,
  ScriptRefused,
  tooFewRights,
  withPatience,
} from './away'
import type { Dialled } from './dial'
import { Keeper, type KeeperOptions } from './keeper'
import type { RedisInfo } from './redis-info'
import type { Script } from './script'
import type { Versions } from '../wire'

const MAX_WAITING = 100_000
const MAX_WAITING_BYTES = 64 * 2 ** 20

/** A script as this kind of Redis is given it. */
type Prepared = { readonly sha: string; readonly text: string }

export type CommandsOptions = Omit<KeeperOptions, 'prepare'> & {
  readonly scripts: readonly Script[]
  readonly versions: Readonly<Versions>
  /** The command that says something on a bus. */
  readonly speak: 'PUBLISH' | 'SPUBLISH'
}

export class Commands {
  readonly #keeper: Keeper
  readonly #prepared = new Map<Script, Prepared>()
  /** The version of messages that those write. */
  #writes = 0
  /** Scripts that the connection has. */
  #loaded = new Set<Script>()
  #waitingBytes = 0

  constructor(private readonly options: CommandsOptions) {
    this.#keeper = new Keeper({
      ...options,
      prepare: async (dialled) => {
        this.#loaded = new Set()
        this.#waitingBytes = 0
        this.#changeVersion()
        const loads = options.scripts.map((script) => this.#load(dialled, script))
        await withPatience(Promise.all(loads))
      },
    })
  }

  get isUp(): boolean {
    return this.#keeper.current !== undefined
  }

  /** Why it is not; undefined while it is. */
  get trouble(): string | undefined {
    return this.#keeper.trouble
  }

  /** What the server said of itself when it was connected to. */
  get info(): RedisInfo | undefined {
    return this.#keeper.current?.info
  }

  /** Done after the first attempt. @throws RedisUnfit */
  start(): Promise<void> {
    return this.#keeper.start()
  }

  close(): void {
    this.#keeper.close()
  }

  /** @throws (rejects with) RedisAway, and ScriptRefused */
  run(script: Script, key: string, args: readonly (string | number)[]): Promise<unknown> {
    const keeper = this.#keeper
    const dialled = keeper.current
    if (dialled === undefined)
      return Promise.reject(new RedisAway(keeper.trouble ?? 'not connected', false))
    const waiting = keeper.asked - keeper.answered
    if (waiting >= MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES)
      return Promise.reject(new RedisAway('too much has no answer yet', false))
    if (this.options.versions.writes !== this.#writes) this.#changeVersion()
    if (!this.#loaded.has(script)) this.#load(dialled, script).catch(() => undefined)
    let bytes = 0
    for (const arg of args) bytes += typeof arg === 'string' ? arg.length : 8
    keeper.asked++
    this.#waitingBytes += bytes
    return dialled.send('evalsha', [this.#prepare(script).sha, '1', key, ...args]).then(
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

  /** Sends a command that is no script. @throws (rejects with) RedisAway */
  async ask(name: string, ...args: string[]): Promise<unknown> {
    const dialled = this.#keeper.current
    if (dialled === undefined) throw new RedisAway(this.#keeper.trouble ?? 'not connected', false)
    this.#keeper.asked++
    try {
      return await dialled.send(name, args)
    } catch (cause) {
      throw this.#explain(dialled, cause)
    } finally {
      this.#count(dialled, 0)
    }
  }

  #count(dialled: Dialled, bytes: number): void {
    if (this.#keeper.current !== dialled) return
    this.#keeper.answered++
    this.#waitingBytes -= bytes
  }

  /** Without what the client adds: its errors have the arguments. */
  #explain(dialled: Dialled, cause: unknown): Error {
    const message = messageOf(cause)
    if (!isReply(cause)) return new RedisAway(this.#keeper.trouble ?? message, true)
    if (isUseless(message) && this.#keeper.current === dialled) this.#keeper.drop(message)
    return explainRefusal(message, dialled.address) ?? new ScriptRefused(message)
  }

  /** Scripts of another text: they are given to Redis when they are first run. */
  #changeVersion(): void {
    this.#writes = this.options.versions.writes
    this.#prepared.clear()
    this.#loaded.clear()
  }

  #prepare(script: Script): Prepared {
    return this.#prepared.getOrInsertComputed(script, () => {
      const { speak, versions } = this.options
      const text = `local SPEAK, VERSION = '${speak}', '${versions.writes}'\n${script.text}`
      return { text, sha: createHash('sha1').update(text).digest('hex') }
    })
  }

  /** Commands after this one are carried out after it: nobody has to wait. */
  async #load(dialled: Dialled, script: Script): Promise<void> {
    this.#loaded.add(script)
    try {
      await dialled.send('script', ['LOAD', this.#prepare(script).text])
    } catch (cause) {
      throw isReply(cause) ? refusalOfScript(script, messageOf(cause)) : cause
    }
  }
}

/** A user that may give Redis no script may do nothing that a node needs. */
const refusalOfScript = ({ name }: Script, message: string): Error =>
  message.startsWith('NOPERM')
    ? new RedisUnfit(tooFewRights(message))
    : new Error(`script ${name}: ${message}`)
