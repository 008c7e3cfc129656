/** Loads what a page shows, and keeps it fresh while somebody looks. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, UNREACHABLE } from './api'
import { hasEnded, onSignedInAgain } from './session'

export type Loaded<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly error: ApiError; readonly reload: () => void }
  | {
      readonly state: 'loaded'
      readonly value: T
      /** Why it cannot be had again: what is shown is of `at`. */
      readonly stale: ApiError | undefined
      /** Epoch milliseconds. */
      readonly at: number
      readonly reload: () => void
    }

const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, UNREACHABLE)

/**
 * Loads anew when one of `keys` changes, and every `everyMs` while the page is visible. What was loaded stays while
 * it cannot be had again. An answer that comes after the keys have changed is dropped.
 */
export function useLoaded<T>(
  load: () => Promise<T>,
  keys: readonly unknown[],
  { everyMs }: { readonly everyMs?: number } = {},
): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: 'loading' })
  const turn = useRef(0)
  const fetchNow = useCallback(async (isFirst: boolean) => {
    const mine = ++turn.current
    if (isFirst) setLoaded({ state: 'loading' })
    const reload = () => void fetchNow(false)
    try {
      const value = await load()
      if (turn.current === mine)
        setLoaded({ state: 'loaded', value, stale: undefined, at: Date.now(), reload })
    } catch (cause) {
      if (turn.current !== mine) return
      const error = asApiError(cause)
      setLoaded((before) =>
        before.state === 'loaded' && !isGone(error)
          ? { ...before, stale: error, reload }
          : { state: 'failed', error, reload },
      )
    }
  }, keys)
  useEffect(() => {
    void fetchNow(true)
    return () => void turn.current++
  }, [fetchNow])
  useEffect(() => onSignedInAgain(() => void fetchNow(false)), [fetchNow])
  useEffect(() => {
    if (everyMs === undefined) return undefined
    const again = () => document.hidden || hasEnded() || void fetchNow(false)
    const timer = setInterval(again, everyMs)
    document.addEventListener('visibilitychange', again)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', again)
    }
  }, [fetchNow, everyMs])
  return loaded
}

/** What is not to be seen any more; a session that has ended says nothing of it. */
const isGone = ({ status }: ApiError): boolean => [403, 404].includes(status)

export type Action = {
  readonly run: () => Promise<void>
  readonly isBusy: boolean
  readonly error: ApiError | undefined
}

/** Something that a button does: not twice at once, and its failure is shown. */
export function useAction(act: () => Promise<void>): Action {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  const busy = useRef(false)
  const run = async () => {
    if (busy.current) return
    busy.current = true
    setBusy(true)
    setError(undefined)
    try {
      await act()
    } catch (cause) {
      setError(asApiError(cause))
    } finally {
      busy.current = false
      setBusy(false)
    }
  }
  return { run, isBusy, error }
}
