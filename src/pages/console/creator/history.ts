/**
 * What was sent in this tab, newest first. Kept in the tab's storage over a reload, and no longer: an event may hold
 * what belongs to somebody. Bounded in entries and in characters.
 */
import type { Form } from './form'

export type Sent = {
  /** Unique in the tab. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly time: number
  readonly form: Form
  /** 0 where no answer came. */
  readonly status: number
  /** The answer's text, shortened; its words where it is a refusal. */
  readonly answer: string
}

export const MAX_SENT = 50
export const MAX_SENT_CHARS = 200_000
const MAX_ANSWER_CHARS = 1000

/** What is used of `sessionStorage`, which throws where a browser keeps nothing. */
export type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem' | 'removeItem'>

const keyOf = (slug: string): string => `carillon.console.sent.${slug}`

/** Reads what an app was sent; nothing where there is nothing that this version wrote. */
export function readSent(storage: Storage, slug: string): readonly Sent[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(slug)) ?? '[]')
    return Array.isArray(kept) ? kept.filter(isSent) : []
  } catch {
    return [] // no JSON, or a browser that keeps nothing
  }
}

/** Puts an entry in front; the oldest go until all are within the bounds. The new list. */
export function addSent(sent: readonly Sent[], entry: Sent): readonly Sent[] {
  const shortened = { ...entry, answer: entry.answer.slice(0, MAX_ANSWER_CHARS) }
  let chars = 0
  return [shortened, ...sent]
    .slice(0, MAX_SENT)
    .filter((each) => (chars += JSON.stringify(each).length) <= MAX_SENT_CHARS)
}

/** Keeps the list; an empty one is removed. */
export function writeSent(storage: Storage, slug: string, sent: readonly Sent[]): void {
  try {
    if (sent.length === 0) storage.removeItem(keyOf(slug))
    else storage.setItem(keyOf(slug), JSON.stringify(sent))
  } catch {
    // A browser that keeps nothing, or has no room: the list lives as long as the page.
  }
}

/** True for an entry whose form can be filled in again. */
function isSent(value: unknown): value is Sent {
  const { id, time, status, answer, form } = (value ?? {}) as Partial<Sent>
  const { kind, rows, user, except } = form ?? {}
  return (
    typeof id === 'string' &&
    typeof time === 'number' &&
    typeof status === 'number' &&
    typeof answer === 'string' &&
    ['channel', 'user', 'batch'].includes(String(kind)) &&
    typeof user === 'string' &&
    typeof except === 'string' &&
    Array.isArray(rows) &&
    rows.length > 0 &&
    rows.every(
      (row) =>
        typeof row?.channel === 'string' &&
        typeof row.event === 'string' &&
        typeof row.data === 'string',
    )
  )
}
