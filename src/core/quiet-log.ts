/**
 * QuietLog: the log of what clients, endpoints and plugins can cause at their own rate. The first lines of a
 * kind are written at once; the rest until the next sweep become one line with their number (`times`).
 * Owns the kinds since the last sweep.
 */
import type { Log } from './types'

/** More errors than warnings: an error may carry the id of its request. */
const WRITTEN_AT_ONCE = { warn: 1, error: 10 } as const
/** Beyond it, kinds of the same message are one. */
const MAX_KINDS = 1000

type Level = keyof typeof WRITTEN_AT_ONCE
type Kind = {
  readonly level: Level
  readonly message: string
  written: number
  held: number
  fields: object
}

export class QuietLog implements Log {
  readonly #kinds = new Map<string, Kind>()

  constructor(readonly log: Log) {}

  debug(fields: object, message: string): void {
    this.log.debug(fields, message)
  }

  info(fields: object, message: string): void {
    this.log.info(fields, message)
  }

  warn(fields: object, message: string): void {
    this.#write('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#write('error', fields, message)
  }

  /** Called several times a minute, and at the end: writes what was held back. */
  sweep(): void {
    for (const [name, kind] of this.#kinds) {
      const { level, message, held, fields } = kind
      if (held > 0) this.log[level]({ ...fields, times: held }, message)
      else this.#kinds.delete(name)
      kind.held = 0
    }
  }

  #write(level: Level, fields: object, message: string): void {
    const kind = this.#kindOf(level, fields, message)
    if (kind.written < WRITTEN_AT_ONCE[level]) {
      kind.written++
      this.log[level](fields, message)
    } else {
      kind.held++
      kind.fields = fields
    }
  }

  #kindOf(level: Level, fields: object, message: string): Kind {
    const name = this.#kinds.size < MAX_KINDS ? nameOf(fields, message) : message
    const kind = { level, message, written: 0, held: 0, fields }
    return this.#kinds.getOrInsert(name, kind)
  }
}

/** Kinds differ by the message and these fields. */
const KIND_FIELDS = ['appId', 'plugin', 'hook', 'code', 'part', 'err'] as const
type KindFields = { readonly [Field in (typeof KIND_FIELDS)[number]]?: unknown }

const nameOf = (fields: KindFields, message: string): string =>
  [message, ...KIND_FIELDS.map((field) => String(fields[field]).slice(0, 200))].join('\n')
