/** Who is signed in. The cookie is the browser's; this page knows what the session may do, and its CSRF token. */
import { useEffect, useState } from 'preact/hooks'

/** As the API has it. */
export type SessionAnswer = Omit<Session, 'grant'> & { readonly scope: string }

export type Session = {
  readonly id: string
  /** Of the admin, or of the token. */
  readonly name: string
  readonly kind: 'user' | 'token'
  /** `all`, `read`, `create`, or `app:` and an id. */
  readonly grant: string
  /** The only app that is seen; null where others may be. */
  readonly app: { readonly id: string; readonly slug: string; readonly name: string } | null
  readonly csrf: string
  /** Epoch milliseconds. */
  readonly expires_at: number
}

export const sessionOf = ({ scope, ...session }: SessionAnswer): Session => ({
  ...session,
  grant: scope,
})

/** Undefined while it is not known; `none` where nobody is signed in. */
export type SessionState = Session | 'none' | undefined

let current: SessionState
const listeners = new Set<(state: SessionState) => void>()

export function setSession(state: SessionState): void {
  current = state
  for (const listen of listeners) listen(state)
}

/** The server has refused the session: it has ended. */
export const forgetSession = (): void => setSession('none')

export const csrfToken = (): string => (typeof current === 'object' ? current.csrf : '')

export function useSessionState(): SessionState {
  const [state, setState] = useState(current)
  useEffect(() => {
    listeners.add(setState)
    setState(() => current)
    return () => void listeners.delete(setState)
  }, [])
  return state
}

/** The session of who is signed in; pages are shown to nobody else. */
export function useSession(): Session {
  const state = useSessionState() ?? current
  if (typeof state === 'object') return state
  return { id: '', name: '', kind: 'user', grant: 'none', app: null, csrf: '', expires_at: 0 }
}

/** What a page or a button needs; the same words as the server's. */
export type Need =
  'any' | 'see_app' | 'change_app' | 'create_app' | 'delete_app' | 'audit' | 'read' | 'all'

const GRANTS: Readonly<Record<string, readonly Need[]>> = {
  all: ['any', 'see_app', 'change_app', 'create_app', 'delete_app', 'audit', 'read', 'all'],
  read: ['any', 'see_app', 'audit', 'read'],
  create: ['any', 'see_app', 'change_app', 'create_app', 'delete_app'],
  app: ['any', 'see_app', 'change_app', 'audit'],
}

/** Whether the session has what something needs. The server decides; this hides what it would refuse. */
export const may = ({ grant }: Session, need: Need): boolean =>
  GRANTS[grant.startsWith('app:') ? 'app' : grant]?.includes(need) ?? false
