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

/** Whether somebody is signed in. `ended`: the session has ended in the middle of work, and what was there stays. */
export type SessionState =
  | { readonly phase: 'unknown' }
  | { readonly phase: 'out' }
  | { readonly phase: 'in' | 'ended'; readonly session: Session }

let state: SessionState = { phase: 'unknown' }
const listeners = new Set<(now: SessionState) => void>()

function setState(next: SessionState): void {
  state = next
  for (const listen of listeners) listen(next)
}

/** Somebody has signed in, or was found to be. */
export const setSession = (session: Session): void => setState({ phase: 'in', session })

/** Whoever was signed in has left. */
export const leaveSession = (): void => setState({ phase: 'out' })

/** The server has refused the session: it has ended. */
export function forgetSession(): void {
  if ('session' in state) setState({ ...state, phase: 'ended' })
  else leaveSession()
}

export const currentSession = (): Session | undefined =>
  'session' in state ? state.session : undefined

/** True until somebody signs in again: requests would be refused. */
export const hasEnded = (): boolean => state.phase === 'ended'

/** Calls `listen` each time that somebody has signed in again; returns the function that ends this. */
export function onSignedInAgain(listen: () => void): () => void {
  let before = state.phase
  const hear = ({ phase }: SessionState): void => {
    if (before === 'ended' && phase === 'in') listen()
    before = phase
  }
  listeners.add(hear)
  return () => void listeners.delete(hear)
}

/** Resolves when the session has not ended, or is another one by now. */
export function untilSignedIn(): Promise<void> {
  if (!hasEnded()) return Promise.resolve()
  return new Promise((resolve) => {
    const hear = (): void => {
      if (hasEnded()) return
      listeners.delete(hear)
      resolve()
    }
    listeners.add(hear)
  })
}

/** True where both may the same: then what the one has begun the other goes on with. */
export const isSameCaller = (one: Session | undefined, other: Session | undefined): boolean =>
  one?.name === other?.name && one?.kind === other?.kind && one?.grant === other?.grant

export function useSessionState(): SessionState {
  const [shown, setShown] = useState(state)
  useEffect(() => {
    listeners.add(setShown)
    setShown(() => state)
    return () => void listeners.delete(setShown)
  }, [])
  return shown
}

const NOBODY: Session = {
  id: '',
  name: '',
  kind: 'user',
  grant: 'none',
  app: null,
  csrf: '',
  expires_at: 0,
}

/** The session of who is signed in; pages are shown to nobody else. */
export function useSession(): Session {
  const shown = useSessionState()
  return 'session' in shown ? shown.session : (currentSession() ?? NOBODY)
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
