/**
 * RefusalLog: who was refused what, for whoever runs the server. Each refusal is a line at `debug`. At
 * `info` the first of its kind is one at once, and those of the minute after it are one more that says
 * how many `times`; a kind is a code and an address (IPv6: a /64). Owns the kinds of this minute.
 *
 * Of what the caller was told it shows what the table of refusals allows: the rest may repeat what the
 * caller has sent, and that may have been a secret.
 */
import { clientOf } from './addresses'
import type { ErrorCode, Refusal } from './errors'
import type { Clock, Log } from './types'

/**
 * What a line says of a refusal besides its code: the message, where nobody else writes any of it; which
 * of these it begins with; nothing. Of the quiet there is no line at `info`: nobody has to look into them.
 */
export type LogPolicy = 'message' | 'quiet' | readonly string[] | undefined

/** Who was refused it. */
export type Caller = {
  readonly remoteAddress: string
  readonly appId?: string | undefined
  readonly socketId?: string | undefined
  readonly requestId?: string | undefined
}

/** `held` have come since the last line, and are not told yet; `since` is of `mono`. */
type Kind = { fields: object; readonly since: number; held: number }

const MINUTE_MS = 60_000
/** Further addresses of a code are one kind. */
export const MAX_KINDS = 1000
/** The rest waits for the next sweep: a line takes some microseconds to write. */
const LINES_PER_SWEEP = 200

export class RefusalLog {
  readonly #kinds = new Map<string, Kind>()
  /** Who was refused last, and is often refused again: an IPv6 address takes 2 µs to read. */
  #last = { address: '', client: '' }

  constructor(
    readonly log: Pick<Log, 'debug' | 'info'>,
    readonly clock: Pick<Clock, 'mono'>,
    readonly policyOf: (code: ErrorCode) => LogPolicy,
  ) {}

  /** How many kinds are counted. */
  get size(): number {
    return this.#kinds.size
  }

  /** Somebody was refused something. */
  note({ code, message }: Pick<Refusal, 'code' | 'message'>, caller: Caller): void {
    const logged = this.policyOf(code)
    const reason = reasonIn(message, logged)
    const fields = { code, ...(reason && { reason }), ...caller }
    this.log.debug(fields, 'refused')
    if (logged === 'quiet') return
    // Messages have numbers that the caller chooses: each would be a kind.
    const kind = typeof logged === 'object' ? `${code} ${reason}` : code
    const name = `${kind} ${this.#clientOf(caller.remoteAddress)}`
    if (this.#kinds.has(name) || this.#kinds.size < MAX_KINDS) this.#count(name, fields)
    else this.#count(code, { ...fields, remoteAddress: 'others' })
  }

  /** Several times a minute: tells what was held back, and forgets what has not come again. */
  sweep(): void {
    const now = this.clock.mono()
    let lines = 0
    for (const [name, kind] of this.#kinds) {
      if (now - kind.since < MINUTE_MS) continue
      if (kind.held > 0 && lines++ === LINES_PER_SWEEP) return
      this.#kinds.delete(name)
      if (kind.held > 0) this.#write(name, kind.fields, kind.held)
    }
  }

  /** At the end. */
  finish(): void {
    for (const { fields, held } of this.#kinds.values())
      if (held > 0) this.log.info({ ...fields, times: held }, 'refused')
    this.#kinds.clear()
  }

  #clientOf(address: string): string {
    if (address !== this.#last.address) this.#last = { address, client: clientOf(address) }
    return this.#last.client
  }

  #count(name: string, fields: object): void {
    const kind = this.#kinds.get(name)
    if (!kind) return this.#write(name, fields, 1)
    kind.held++
    kind.fields = fields
  }

  /** One line, and none for a minute; behind all others, so that the sweep finds those that wait longest first. */
  #write(name: string, fields: object, times: number): void {
    this.#kinds.set(name, { fields, since: this.clock.mono(), held: 0 })
    this.log.info({ ...fields, times }, 'refused')
  }
}

function reasonIn(message: string, logged: LogPolicy): string | undefined {
  if (typeof logged === 'object') return logged.find((words) => message.startsWith(words))
  return logged === 'message' ? message : undefined
}
