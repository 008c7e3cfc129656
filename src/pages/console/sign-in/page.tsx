/** Where everybody begins: who are you? The same over a page whose session has ended. */
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks'
import { findSession } from '../api'
import { ROOT } from '../place'
import { leaveSession, type Session } from '../session'
import { Button } from '../ui/ui'
import { SignInForm } from './form'
import './sign-in.css'

/** Follows another page of the browser that has signed in meanwhile. */
export function SignIn() {
  useEffect(() => {
    document.title = 'Sign in · Carillon'
    const look = () => void (document.hidden || findSession().catch(() => undefined)) // the form says it
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
  return (
    <main class="sign-in">
      <h1>Carillon</h1>
      <p class="hint">Sign in to {ROOT.host}</p>
      <SignInForm user="" />
    </main>
  )
}

/** The session has ended in the middle of work: what was there stays, and one goes on. */
export function SignInAgain({ session }: { readonly session: Session }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const open = () => dialog.current?.showModal()
  useLayoutEffect(open, []) // before the form has the focus
  const { name, kind } = session
  const isToken = kind === 'token'
  return (
    <dialog
      ref={dialog}
      class="sign-in-again"
      aria-labelledby={id}
      onCancel={(event) => event.preventDefault()}
      onClose={open} // a second Escape closes it all the same
    >
      <h2 id={id}>Your session has ended</h2>
      <p>
        What you were doing is still here, and goes on once {isToken && 'the token '}
        <strong>{name}</strong> has signed in again.
      </p>
      <SignInForm user={isToken ? '' : name} />
      <p class="hint">
        Or{' '}
        <Button look="link" onClick={leaveSession}>
          leave it
        </Button>
        .
      </p>
    </dialog>
  )
}
