/** Signs in: with the admin's password, or with a token. */
import { useState } from 'preact/hooks'
import { ApiError, errorOf, UNREACHABLE } from '../api'
import { ROOT } from '../place'
import { sessionOf, setSession, type Session, type SessionAnswer } from '../session'
import { useAction } from '../use'
import { Button, Field } from '../ui/ui'
import { ErrorLine } from '../ui/page'

export function SignIn() {
  const [name, setName] = useState('')
  const [secret, setSecret] = useState('')
  const { run, isBusy, error } = useAction(async () => setSession(await signIn(name, secret)))
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void run()
  }
  return (
    <main class="sign-in">
      <h1>Carillon</h1>
      <form onSubmit={submit}>
        <Field label="User" hint="Empty for a token">
          {(attributes) => (
            <input
              {...attributes}
              autocomplete="username"
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Password or token">
          {(attributes) => (
            <input
              {...attributes}
              type="password"
              autocomplete="current-password"
              required
              value={secret}
              onInput={({ currentTarget }) => setSecret(currentTarget.value)}
            />
          )}
        </Field>
        <ErrorLine error={error} />
        <Button type="submit" look="primary" isBusy={isBusy}>
          Sign in
        </Button>
      </form>
    </main>
  )
}

const base64 = (text: string): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))

/** @throws ApiError */
async function signIn(name: string, secret: string): Promise<Session> {
  const authorization = name === '' ? `Bearer ${secret}` : `Basic ${base64(`${name}:${secret}`)}`
  const headers = { accept: 'application/json', authorization }
  const answer = await fetch(new URL('api/admin/sessions', ROOT), {
    method: 'POST',
    headers,
  }).catch(() => {
    throw new ApiError(0, UNREACHABLE)
  })
  const text = await answer.text()
  if (answer.status === 401 && text === '') throw new ApiError(401, 'User or password is wrong')
  if (!answer.ok) throw errorOf(answer, text)
  return sessionOf((JSON.parse(text) as { readonly data: SessionAnswer }).data)
}
