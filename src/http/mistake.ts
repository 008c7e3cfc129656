/** Mistakes in requests, described as SDK users know it: `Expected name parameter to be a string`. */
import type { ValueError } from '@sinclair/typebox/errors'
import { RealtimeError } from '../core/errors'
import type { LimitName } from '../core/limits'

export const invalid = (message: string): RealtimeError =>
  new RealtimeError('request_invalid', message)

/** As the schema library reports it: `/batch/0/name`, `Expected string`. */
export type Mistake = Partial<Pick<ValueError, 'path' | 'message' | 'value'>>

const TYPE = /^Expected (string|array|object|integer|boolean)$/

/** Lists whose length is a limit, and how a message names their length, which SDKs' tests look for. */
const LIMITED_LISTS: ReadonlyMap<
  string,
  readonly [limit: LimitName, describe: (count: number) => string]
> = new Map([
  ['/channels', ['maxChannelsPerTrigger', (count) => `${count} channels`]],
  ['/batch', ['maxEventsPerBatch', (count) => `Batch too large: ${count} events`]],
])
const MOST = /^Expected array length to be less or equal to (\d+)$/

/**
 * Describes the first mistake; the library reports a missing property before it names its type. No more
 * are iterated: a list of a hundred thousand wrong entries would be as many mistakes, found one by one.
 */
export function describeMistake(mistakes: Iterable<Mistake>): string {
  let path: string | undefined
  let type: string | undefined
  for (const { path: where = '', message = '', value } of mistakes) {
    if (where !== (path ??= where)) break
    const [, most] = MOST.exec(message) ?? []
    if (most !== undefined && Array.isArray(value)) return describeLength(where, value.length, most)
    type = TYPE.exec(message)?.[1]
    if (type !== undefined) break
  }
  return describeType(path ?? '', type)
}

function describeLength(path: string, length: number, most: string): string {
  const [limit, describe] = LIMITED_LISTS.get(path) ?? []
  const count = describe?.(length) ?? `${length} entries of ${nameOf(path)}`
  return `${count} exceed the limit of ${most}${limit === undefined ? '' : ` (${limit})`}`
}

const nameOf = (path: string): string => path.slice(1).replaceAll('/', '.')

function describeType(path: string, type: string | undefined): string {
  const shape = type
    ? `${/^[aoi]/.test(type) ? 'an' : 'a'} ${type}`
    : 'present and of the documented type'
  const name = nameOf(path)
  return `Expected ${name === '' ? 'the request' : `${name} parameter`} to be ${shape}`
}
