/**
 * The rules of an app about its channels' history, as a request or a file sends them: each is read as a whole, with
 * its defaults.
 */
import type { HistoryRule } from '../core/app'
import { MAX_REWIND } from '../core/limits'
import { isPlainText, isRecord, showJson } from '../core/json'
import { flag, invalid, mistake, value, type Read } from './reading'

/** Each is compared with the channel of every event. */
export const MAX_RULES = 20
const MAX_PREFIX_CHARS = 1000

/** HISTORY_NUMBERS: what a rule may say besides its prefix; the default counts where it says nothing. */
export const HISTORY_NUMBERS = {
  size: { default: 100, min: 1, max: 100_000, about: 'Events of a channel that are kept at most' },
  ttl_seconds: {
    default: 3600,
    min: 1,
    max: 604_800,
    about: 'How long an event is kept, in seconds',
  },
  rewind: {
    default: 0,
    min: 0,
    max: MAX_REWIND,
    about: 'How many of the last events every new subscriber gets that does not ask',
  },
} as const satisfies Record<Exclude<keyof HistoryRule, 'prefix' | 'durable'>, object>

const NUMBERS = Object.entries(HISTORY_NUMBERS)
const KEYS = ['prefix', ...Object.keys(HISTORY_NUMBERS), 'durable']

/** Reads a list of rules. */
export const history: Read<readonly HistoryRule[]> = (raw) => {
  if (!Array.isArray(raw)) return invalid(raw, 'a list')
  if (raw.length > MAX_RULES) return mistake(`has ${raw.length} entries; the limit is ${MAX_RULES}`)
  const rules: HistoryRule[] = []
  for (const entry of raw as unknown[]) {
    const rule = readRule(entry)
    if (typeof rule === 'string') return mistake(`has ${rule}`)
    rules.push(rule)
  }
  return value(rules)
}

/** The rule, or what is wrong with it. */
function readRule(raw: unknown): HistoryRule | string {
  if (!isRecord(raw)) return `${showJson(raw)}; expected an object with a prefix`
  const unknown = Object.keys(raw).find((key) => !KEYS.includes(key))
  if (unknown !== undefined)
    return `the unknown key ${showJson(unknown)}; known are ${KEYS.join(', ')}`
  const { prefix } = raw
  if (!isPrefix(prefix))
    return `the prefix ${showJson(prefix ?? null)}; expected text, empty for all public channels`
  const durable = flag(raw['durable'] ?? false)
  if ('mistake' in durable) return `durable, which ${durable.mistake}`
  const rule: Record<string, unknown> = { prefix, durable: durable.value }
  for (const [key, { default: usual, min, max }] of NUMBERS) {
    const given = raw[key] ?? usual
    const number = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given
    if (!Number.isInteger(number) || (number as number) < min || (number as number) > max)
      return `${key} ${showJson(given)}; expected an integer from ${min} to ${max}`
    rule[key] = number
  }
  return rule as HistoryRule
}

const isPrefix = (raw: unknown): raw is string => isPlainText(raw) && raw.length <= MAX_PREFIX_CHARS
