/** Filter: which rows somebody wants to see, as the address of the page has it. */
import { KIND_NAMES, KINDS, type KindName } from './kinds'
import type { LiveRow } from './row'

export type Filter = {
  readonly kinds: ReadonlySet<KindName>
  /** How the channel begins. */
  readonly channel: string
  /** Anywhere in the row; rows are asked with a lower-case one. */
  readonly text: string
}

export const NO_FILTER: Filter = { kinds: new Set(KIND_NAMES), channel: '', text: '' }

/** `?kinds=refused,webhook&channel=private-&text=x`, as a link to the page has it. */
export function readFilter(query: URLSearchParams): Filter {
  const named = (query.get('kinds') ?? '').split(',')
  const kinds = KIND_NAMES.filter((name) => named.includes(name))
  return {
    kinds: kinds.length > 0 ? new Set(kinds) : NO_FILTER.kinds,
    channel: query.get('channel') ?? '',
    text: query.get('text') ?? '',
  }
}

/** Without what is not chosen. */
export const writeFilter = ({ kinds, channel, text }: Filter): Record<string, string> => ({
  ...(kinds.size < KIND_NAMES.length && { kinds: [...kinds].join(',') }),
  ...(channel && { channel }),
  ...(text && { text }),
})

export const isFiltering = (filter: Filter): boolean => Object.keys(writeFilter(filter)).length > 0

/** From all to one group, then one more or less; without any it is all again. */
export function toggleKinds(kinds: Filter['kinds'], group: readonly KindName[]): Filter['kinds'] {
  const isAll = kinds.size === KIND_NAMES.length
  const rest = KIND_NAMES.filter((name) => kinds.has(name) !== group.includes(name))
  const next = isAll ? group : rest
  return next.length > 0 ? new Set(next) : NO_FILTER.kinds
}

export const isShown = ({ kinds, channel, text }: Filter, row: LiveRow): boolean =>
  kinds.has(row.kind) && row.channel.startsWith(channel) && hasText(row, text)

const hasText = ({ json, kind }: LiveRow, lowerCased: string): boolean =>
  lowerCased === '' ||
  json.toLowerCase().includes(lowerCased) ||
  KINDS[kind].title.toLowerCase().includes(lowerCased)
