/**
 * A list that is loaded page by page as somebody scrolls, and kept fresh while it is only one page long. What was there
 * stays until another one is there, so that nothing jumps while somebody types.
 */
import { useRef, useState } from 'preact/hooks'
import { ApiError, UNREACHABLE } from '../api'
import { useLoaded, type Loaded } from '../use'
import type { Page } from './data'

/** The most rows of one list: past it a filter is of more use than scrolling. */
export const MAX_ROWS = 20_000

export type Paged<T> = {
  /** For `Show`. */
  readonly first: Loaded<unknown>
  readonly items: readonly T[]
  /** There are more than `items`. */
  readonly hasMore: boolean
  /** It is longer than a page, so it stays as it was read. */
  readonly isHeld: boolean
  /** Why the next page cannot be had. */
  readonly error: ApiError | undefined
  readonly loadMore: () => void
  /** Reads it anew from its beginning. */
  readonly restart: () => void
}

/** What was read when more than the first page was wanted. */
type Held<T> = {
  readonly key: string
  /** Those of the first page, too: it may have been read anew since. */
  readonly items: readonly T[]
  readonly next: string | null
  readonly error: ApiError | undefined
}

type First<T> = { readonly key: string; readonly page: Page<T> }

export function usePaged<T>(
  load: (cursor: string | undefined) => Promise<Page<T>>,
  keys: readonly unknown[],
  everyMs: number,
): Paged<T> {
  const [turn, setTurn] = useState(0)
  const [held, hold] = useState<Held<T>>()
  const isBusy = useRef(false)
  const key = JSON.stringify([...keys, turn])
  const isHeld = held?.key === key
  const loadFirst = async (): Promise<First<T>> => ({ key, page: await load(undefined) })
  const first = useShown(useLoaded(loadFirst, [key], isHeld ? {} : { everyMs }), key)
  const value = first.state === 'loaded' ? first.value : undefined
  const { items = [], next = null } = isHeld ? held : (value?.page ?? {})
  const loadMore = async (): Promise<void> => {
    if (next === null || value?.key !== key || isBusy.current || items.length >= MAX_ROWS) return
    isBusy.current = true
    hold({ key, items, next, error: undefined })
    try {
      const found = await load(next)
      hold({ key, items: [...items, ...found.items], next: found.next, error: undefined })
    } catch (cause) {
      const error = cause instanceof ApiError ? cause : new ApiError(0, UNREACHABLE)
      hold({ key, items, next, error })
    } finally {
      isBusy.current = false
    }
  }
  return {
    first,
    items,
    hasMore: next !== null,
    isHeld,
    error: isHeld ? held.error : undefined,
    loadMore: () => void loadMore(),
    restart: () => setTurn(turn + 1),
  }
}

/** What was loaded last, until what is wanted now is there. */
function useShown<T>(loaded: Loaded<First<T>>, key: string): Loaded<First<T>> {
  const last = useRef<Loaded<First<T>>>({ state: 'loading' })
  const isWanted = loaded.state === 'loaded' && loaded.value.key === key
  if (isWanted || loaded.state === 'failed') last.current = loaded
  return last.current
}
