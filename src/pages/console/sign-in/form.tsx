/** The form of whoever signs in: password or token, or the published password by one click. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from '../api'
import { formatDuration } from '../format'
import { setSession } from '../session'
import { useAction } from '../use'
import { Button, Field } from '../ui/ui'
import { useTick } from '../ui/values'
import { findPublished, isToken, signIn, type Credentials, type Published } from './credentials'

type FormProps = {
  /** Who is expected; empty for a token. */
  readonly user: string
}

export function SignInForm({ user: expected }: FormProps) {
  const [user, setUser] = useState(expected)
  const [secret, setSecret] = useState('')
  const form = useRef<HTMLFormElement>(null)
  const secretInput = useRef<HTMLInputElement>(null)
  const published = usePublished()
  const given = useRef<Credentials>({ user, secret })
  const { run, isBusy, error } = useAction(async () => setSession(await signIn(given.current)))
  const waitSeconds = useWait(error)
  useLayoutEffect(() => {
    // The first of the form: the one click where there is one, or the user.
    const first = form.current?.querySelector<HTMLElement>('button, input')
    if (expected === '') first?.focus()
    else secretInput.current?.focus()
  }, [published])
  useEffect(() => {
    if (error) secretInput.current?.select()
  }, [error])
  const send = (credentials: Credentials) => {
    given.current = credentials
    void run()
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    if (waitSeconds === 0) send({ user: user.trim(), secret })
  }
  if (!published) return null // the form would jump when they come
  const { credentials, refusal } = published
  return (
    <form class="sign-in-form" onSubmit={submit} ref={form}>
      {credentials && (
        <div class="one-click">
          <Button
            look="primary"
            isBusy={isBusy}
            isOff={waitSeconds > 0}
            onClick={() => send(credentials)}
          >
            Enter as {credentials.user}
          </Button>
          <p class="hint">
            This server has the published development password, which is good on this machine alone.
          </p>
        </div>
      )}
      <Field label="User" hint="Empty for a token">
        {(attributes) => (
          <input
            {...attributes}
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            value={user}
            onInput={({ currentTarget }) => setUser(currentTarget.value)}
          />
        )}
      </Field>
      <Field label="Password or token">
        {(attributes) => (
          <input
            {...attributes}
            ref={secretInput}
            autofocus={expected !== ''} // where the dialog around it is opened anew
            type="password"
            autocomplete="current-password"
            required
            value={secret}
            onInput={({ currentTarget }) => setSecret(currentTarget.value)}
          />
        )}
      </Field>
      <Refusal error={error} isOfToken={isToken(given.current)} waitSeconds={waitSeconds} />
      <Button
        type="submit"
        look={credentials ? 'plain' : 'primary'}
        isBusy={isBusy}
        isOff={waitSeconds > 0}
      >
        Sign in
      </Button>
      {refusal && <p class="hint">{refusal}</p>}
    </form>
  )
}

type RefusalProps = {
  readonly error: ApiError | undefined
  readonly isOfToken: boolean
  readonly waitSeconds: number
}

/** Why it was refused, and what helps. */
function Refusal({ error, isOfToken, waitSeconds }: RefusalProps) {
  if (!error) return null
  const { status, message } = error
  if (status === 429)
    return (
      <p class="error" role="alert">
        Too many wrong passwords or tokens came from this address.{' '}
        {waitSeconds > 0
          ? `Try again in ${formatDuration(waitSeconds * 1000)}.`
          : 'You can try again now.'}
      </p>
    )
  const help = status === 0 ? ': is it running, and is this its address?' : ''
  return (
    <p class="error" role="alert">
      {message}
      {help}
      {status === 401 && isOfToken && '. Somebody with the scope all makes another one.'}
    </p>
  )
}

/** Seconds until it makes sense to try again. */
function useWait(error: ApiError | undefined): number {
  const [until, setUntil] = useState(0)
  useEffect(() => {
    const seconds = error?.status === 429 ? (error.retryAfterSeconds ?? 1) : 0
    setUntil(Date.now() + seconds * 1000)
  }, [error])
  const left = Math.max(0, Math.ceil((until - Date.now()) / 1000))
  useTick(left > 0 ? 500 : undefined)
  return left
}

/** Undefined until it is known. That a server cannot be asked is told when the form is sent. */
function usePublished(): Published | undefined {
  const [published, setPublished] = useState<Published>()
  useEffect(() => {
    void findPublished().then(setPublished, () => setPublished({}))
  }, [])
  return published
}
