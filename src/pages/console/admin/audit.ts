/** The audit as the admin API has it, a page at a time. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { api, ApiError, UNREACHABLE } from '../api'
import { onSignedInAgain } from '../session'

export type AuditRow = {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly action: string
  readonly actor: {
    readonly kind: 'user' | 'token'
    readonly id: string | null
    readonly name: string
  }
  readonly address: string
  readonly request_id: string | null
  readonly app_id: string | null
  /** What else it is about: the id of a token or session, the route of a plugin. */
  readonly target: string | null
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
}

/** FILTERS: parameters of the page's address and of the request alike. */
export const FILTERS = ['app', 'actor', 'action', 'from', 'to'] as const
export type Filter = { readonly [Name in (typeof FILTERS)[number]]?: string }

export function filterOf(query: URLSearchParams): Filter {
  const given = FILTERS.map((name) => [name, query.get(name)?.trim() ?? ''])
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}

/** ACTIONS: what was done, in words; an action that is not here is shown as it is. */
export const ACTIONS: Readonly<Record<string, string>> = {
  'app.created': 'App created',
  'app.changed': 'App changed',
  'app.deleted': 'App deleted',
  'key.added': 'Key added',
  'key.retired': 'Key retired',
  'webhooks.replayed': 'Dead webhooks sent again',
  'webhook.tested': 'Webhook tested',
  'webhook.paused': 'Webhook paused',
  'webhook.resumed': 'Webhook resumed',
  'connection.closed': 'Connection ended',
  'user.terminated': 'User ended',
  'token.created': 'Token made',
  'token.revoked': 'Token revoked',
  'session.ended': 'Session ended',
  'plugin.requested': 'Route of a plugin called',
}

type AuditPage = { readonly data: readonly AuditRow[]; readonly next: string | null }

const PAGE_ROWS = '100'

export type Audit = {
  readonly rows: readonly AuditRow[]
  /** True until all that fits has been loaded. */
  readonly hasMore: boolean
  readonly isLoading: boolean
  readonly error: ApiError | undefined
  /** Reads on; nothing while it is being read. */
  readonly more: () => void
  /** After an error. */
  readonly retry: () => void
  /** Begins anew, at the newest row. */
  readonly reload: () => void
}

type Read = Pick<Audit, 'rows' | 'error'> & { readonly cursor: string | null | undefined }

const NOTHING: Read = { rows: [], error: undefined, cursor: undefined }

/** The newest rows that fit the filter, and more of them as they are asked for. */
export function useAudit(filter: Filter): Audit {
  const search = new URLSearchParams(filter).toString()
  const [read, setRead] = useState<Read>(NOTHING)
  const [isLoading, setLoading] = useState(true)
  /** Counts filters: what comes for an earlier one is dropped. */
  const turn = useRef(0)
  const isBusy = useRef(false)
  const load = async (before: Read) => {
    const mine = ++turn.current
    isBusy.current = true
    setLoading(true)
    const next = await readOn(before, search)
    if (turn.current !== mine) return
    isBusy.current = false
    setRead(next)
    setLoading(false)
  }
  const reload = () => void load(NOTHING)
  useEffect(() => {
    setRead(NOTHING)
    reload()
    const forget = onSignedInAgain(reload)
    return () => {
      turn.current++
      forget()
    }
  }, [search])
  const { rows, error, cursor } = read
  const more = () => {
    if (!isBusy.current && !error && typeof cursor === 'string') void load(read)
  }
  const retry = () => void load({ ...read, error: undefined })
  return { rows, error, isLoading, more, retry, reload, hasMore: cursor !== null }
}

/** A page may be empty and have a next one: reads until there is something, or the end. */
async function readOn(before: Read, search: string): Promise<Read> {
  let { cursor } = before
  try {
    for (;;) {
      const more = typeof cursor === 'string' ? `&cursor=${cursor}` : ''
      const path = `api/admin/audit?limit=${PAGE_ROWS}${more}${search && `&${search}`}`
      const { data, next } = await api<AuditPage>('GET', path)
      cursor = next
      if (data.length > 0 || next === null)
        return { rows: [...before.rows, ...data], cursor, error: undefined }
    }
  } catch (cause) {
    return { ...before, error: cause instanceof ApiError ? cause : new ApiError(0, UNREACHABLE) }
  }
}
