/**
 * RefusalLog: refusals, for the operator. Each is a line at `debug`. At `info` the first of a kind is a line
 * at once, and those of the following minute are one more with their number (`times`); a kind is a code and
 * an address (IPv6: a /64). Owns the kinds of this minute.
 *
 * It shows as much of a refusal's message as the table of refusals allows: messages may repeat what the
 * caller has sent, which may have been a secret.
 */
import { clientOf } from './addresses'
import type { ErrorCode, Refusal } from './errors'
import type { Clock, Log } from './types'

/**
 * What a line shows of a refusal besides its code: the message, where no part of it comes from a caller; the
 * one of these texts that the message begins with; or nothing. `quiet` refusals have no line at `info`.
 */
export type LogPolicy = 'message' | 'quiet' | readonly string[] | undefined

export type Caller = {
  readonly remoteAddress: string
  readonly appId?: string | undefined
  readonly socketId?: string | undefined
  readonly requestId?: string | undefined
}

/** `held` refusals were not written since the last line, at `since` (`mono`). */
type Kind = { fields: object; readonly since: number; held: number }

const MINUTE_MS = 60_000
/** Beyond it, all addresses of a code are one kind. */
export const MAX_KINDS = 1000
/** The rest waits for the next sweep: a line takes some microseconds. */
const LINES_PER_SWEEP = 200

export class RefusalLog {
  readonly #kinds = new Map<string, Kind>()
  /** The last caller, who is often the next one: parsing an IPv6 address takes 2 µs. */
  #last = { address: '', client: '' }

  constructor(
    readonly log: Pick<Log, 'debug' | 'info'>,
    readonly clock: Pick<Clock, 'mono'>,
    readonly policyOf: (code: ErrorCode) => LogPolicy,
  ) {}

  get size(): number {
    return this.#kinds.size
  }

  note({ code, message }: Pick<Refusal, 'code' | 'message'>, caller: Caller): void {
    const logged = this.policyOf(code)
    const reason = reasonIn(message, logged)
    const fields = { code, ...(reason && { reason }), ...caller }
    this.log.debug(fields, 'refused')
    if (logged === 'quiet') return
    // A whole message has numbers that the caller chooses: each would be a kind.
    const kind = typeof logged === 'object' ? `${code} ${reason}` : code
    const name = `${kind} ${this.#clientOf(caller.remoteAddress)}`
    if (this.#kinds.has(name) || this.#kinds.size < MAX_KINDS) this.#count(name, fields)
    else this.#count(code, { ...fields, remoteAddress: 'others' })
  }

  /** Called several times a minute: writes what was held back, and forgets kinds that have ended. */
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

  /** Writes all that was held back. */
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

  /** Writes a line, and none for a minute; the kind moves to the end, so that the sweep finds the oldest first. */
  #write(name: string, fields: object, times: number): void {
    this.#kinds.set(name, { fields, since: this.clock.mono(), held: 0 })
    this.log.info({ ...fields, times }, 'refused')
  }
}

function reasonIn(message: string, logged: LogPolicy): string | undefined {
  if (typeof logged === 'object') return logged.find((start) => message.startsWith(start))
  return logged === 'message' ? message : undefined
}
