/** Makes a token: what it may, for how long. Its text is shown once. */
import { useState } from 'preact/hooks'
import type { AppView } from '../apps/app'
import { ROOT } from '../place'
import { useAction } from '../use'
import { ErrorLine } from '../ui/page'
import { Button, Copy, Dialog, Field } from '../ui/ui'
import { LIFETIMES, makeToken, SCOPES, type NewToken, type ScopeName } from './tokens'

type NewTokenProps = {
  readonly apps: readonly AppView[]
  readonly onMade: () => void
  readonly onClose: () => void
}

export function NewTokenDialog({ apps, onMade, onClose }: NewTokenProps) {
  const [made, setMade] = useState<NewToken>()
  const take = (token: NewToken) => {
    setMade(token)
    onMade()
  }
  return (
    <Dialog title={made ? `The token ${made.name}` : 'New token'} onClose={onClose}>
      {made ? (
        <Made token={made} onClose={onClose} />
      ) : (
        <TokenForm apps={apps} onMade={take} onClose={onClose} />
      )}
    </Dialog>
  )
}

const DAY_MS = 86_400_000
/** Of LIFETIMES: the one that is chosen at first. */
const USUAL = 2

type TokenFormProps = Omit<NewTokenProps, 'onMade'> & { readonly onMade: (made: NewToken) => void }

function TokenForm({ apps, onMade, onClose }: TokenFormProps) {
  const [name, setName] = useState('')
  const [kind, setKind] = useState<ScopeName>(apps.length > 0 ? 'app' : 'read')
  const [appId, setAppId] = useState(String(apps[0]?.id ?? ''))
  const [lifetime, setLifetime] = useState(USUAL)
  const { run, isBusy, error } = useAction(async () => {
    const { days } = LIFETIMES[lifetime]!
    onMade(
      await makeToken({
        name,
        scope: kind === 'app' ? `app:${appId}` : kind,
        ...(days !== undefined && { expires_at: Date.now() + days * DAY_MS }),
      }),
    )
  })
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void run()
  }
  const { name: nameErrors, scope, expires_at, ...others } = error?.fields ?? {}
  const isOfField = Boolean(nameErrors ?? scope ?? expires_at)
  return (
    <form class="token-form" onSubmit={submit}>
      <Field label="Name" hint="Whose it is, or what for: it is in the audit" errors={nameErrors}>
        {(attributes) => (
          <input
            {...attributes}
            value={name}
            required
            maxLength={100}
            autocomplete="off"
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        )}
      </Field>
      <fieldset class="choices">
        <legend>What it may</legend>
        {SCOPES.map((row) => (
          <label key={row.scope}>
            <input
              type="radio"
              name="scope"
              checked={kind === row.scope}
              disabled={row.scope === 'app' && apps.length === 0}
              onChange={() => setKind(row.scope)}
            />{' '}
            <b>{row.title}</b>
            <span class="hint">{row.about}</span>
          </label>
        ))}
      </fieldset>
      {kind === 'app' && (
        <Field label="App" errors={scope}>
          {(attributes) => (
            <select
              {...attributes}
              value={appId}
              onChange={({ currentTarget }) => setAppId(currentTarget.value)}
            >
              {apps.map((app) => (
                <option key={app.id} value={String(app.id)}>
                  {app.name}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Field label="It is good for" errors={expires_at}>
        {(attributes) => (
          <select
            {...attributes}
            value={String(lifetime)}
            onChange={({ currentTarget }) => setLifetime(Number(currentTarget.value))}
          >
            {LIFETIMES.map(({ title }, index) => (
              <option key={title} value={String(index)}>
                {title}
              </option>
            ))}
          </select>
        )}
      </Field>
      {(!isOfField || Object.keys(others).length > 0) && <ErrorLine error={error} />}
      <p class="actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" isBusy={isBusy}>
          Make the token
        </Button>
      </p>
    </form>
  )
}

type MadeProps = { readonly token: NewToken; readonly onClose: () => void }

function Made({ token: { token }, onClose }: MadeProps) {
  const curl = `curl -H 'Authorization: Bearer ${token}' ${new URL('api/admin/session', ROOT).href}`
  return (
    <div class="token-form">
      <p class="stale">
        <b>Copy it now.</b> It is shown this once: the server keeps a hash of it. Lost, it is
        revoked and made anew.
      </p>
      <div class="token-text">
        <code aria-label="The token">{token}</code>
        <Copy text={token} label="Copy the token" />
      </div>
      <p class="hint">
        It goes into <code>Authorization: Bearer</code>, or into the form of this console in place
        of a password.
      </p>
      <div class="token-text">
        <code>{curl}</code>
        <Copy text={curl} label="Copy the command" />
      </div>
      <p class="actions">
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </p>
    </div>
  )
}
