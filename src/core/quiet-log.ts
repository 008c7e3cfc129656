/**
 * QuietLog: the log of what clients, endpoints and plugins can cause at their own rate. The first lines of a
 * kind are written at once; the rest until the next sweep, of plugins' faults for a minute, become one line
 * with their number (`times`). Owns the kinds since the last sweep.
 */
import { isPluginFault } from './plugin-faults'
import type { Clock, Log } from './types'

/** How many lines are written at once, and for how long the others are held at least. */
type Rule = { readonly atOnce: number; readonly holdMs: number }

/** More errors than warnings: an error may carry the id of its request. */
const RULES = { warn: { atOnce: 1, holdMs: 0 }, error: { atOnce: 10, holdMs: 0 } } as const
/** Each has a stack, and a hook fails as often as a client sends. */
const PLUGIN_FAULT: Rule = { atOnce: 1, holdMs: 60_000 }

/** Beyond it, kinds of the same message are one. */
const MAX_KINDS = 1000

type Level = keyof typeof RULES
type Kind = {
  readonly level: Level
  readonly message: string
  readonly rule: Rule
  /** When its first line was written, or the last that counts others (`mono`). */
  since: number
  written: number
  held: number
  fields: object
}

export class QuietLog implements Log {
  readonly #kinds = new Map<string, Kind>()

  constructor(
    readonly log: Log,
    readonly clock: Pick<Clock, 'mono'>,
  ) {}

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

  /** Called several times a minute: writes what was held back for long enough. */
  sweep(): void {
    const now = this.clock.mono()
    for (const [name, kind] of this.#kinds)
      if (now - kind.since >= kind.rule.holdMs) this.#end(name, kind, now)
  }

  /** Writes all that was held back. */
  finish(): void {
    for (const [name, kind] of this.#kinds) this.#end(name, kind, this.clock.mono())
  }

  #end(name: string, kind: Kind, now: number): void {
    const { level, message, held, fields } = kind
    if (held > 0) this.log[level]({ ...fields, times: held }, message)
    else this.#kinds.delete(name)
    kind.held = 0
    kind.since = now
  }

  #write(level: Level, fields: object, message: string): void {
    const kind = this.#kindOf(level, fields, message)
    if (kind.written < kind.rule.atOnce) {
      kind.written++
      this.log[level](fields, message)
    } else {
      kind.held++
      kind.fields = fields
    }
  }

  #kindOf(level: Level, fields: KindFields, message: string): Kind {
    const name = this.#kinds.size < MAX_KINDS ? nameOf(fields, message) : message
    return this.#kinds.getOrInsertComputed(name, () => {
      const rule = isPluginFault(fields.code) ? PLUGIN_FAULT : RULES[level]
      return { level, message, rule, since: this.clock.mono(), written: 0, held: 0, fields }
    })
  }
}

/** Kinds differ by the message and these fields. */
const KIND_FIELDS = ['appId', 'plugin', 'hook', 'code', 'part', 'err'] as const
type KindFields = { readonly [Field in (typeof KIND_FIELDS)[number]]?: unknown }

const nameOf = (fields: KindFields, message: string): string =>
  [message, ...KIND_FIELDS.map((field) => textOf(fields[field]).slice(0, 200))].join('\n')

/** A plugin's error is known by where it was thrown: its message may have what a client sent. */
function textOf(field: unknown): string {
  if (!(field instanceof Object) || field instanceof Error) return String(field)
  return 'stack' in field ? (/\n *at (.*)/.exec(String(field.stack))?.[1] ?? '') : ''
}
