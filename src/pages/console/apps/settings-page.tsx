/** Settings of an app: the form, what is not saved yet, and what ends it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { href, replaceRoute, type PageProps } from '../router'
import { may, useSession } from '../session'
import { useAction, useLoaded } from '../use'
import { ErrorLine } from '../ui/page'
import { Button, Page, Show } from '../ui/ui'
import { changeApp, loadApp, type AppView } from './app'
import { Ending } from './ending'
import {
  changesOf,
  draftOf,
  keepDraft,
  labelsOf,
  SETTINGS,
  withValue,
  type Draft,
} from './settings'
import { SettingField } from './setting-fields'
import './apps.css'

export function SettingsPage({ params }: PageProps) {
  const slug = params['slug']!
  const loaded = useLoaded(() => loadApp(slug), [slug])
  return (
    <Page title="Settings" name={`Settings · ${slug}`}>
      <Show of={loaded}>{(app) => <Settings key={String(app.id)} first={app} />}</Show>
    </Page>
  )
}

function Settings({ first }: { readonly first: AppView }) {
  const session = useSession()
  const mayChange = may(session, 'change_app')
  const [app, setApp] = useState(first)
  const [draft, setDraft] = useState<Draft>(() => draftOf(first))
  useEffect(() => keepDraft(app, draft), [app, draft])
  useWarning(Object.keys(draft).length > 0)
  const save = useAction(async () => {
    const changed = await changeApp(app.slug, changesOf(draft, app))
    setApp(changed)
    setDraft({})
    keepDraft(changed, {})
    if (changed.slug !== app.slug) replaceRoute(href(['apps', changed.slug, 'settings']))
  })
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (save.error) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [save.error])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void save.run()
  }
  const unnamed = Object.keys(save.error?.fields ?? {}).length === 0
  return (
    <>
      {app.provided_by !== null && <Provided by={app.provided_by} />}
      {!mayChange && <p class="stale">Your token reads, and changes nothing.</p>}
      <form class="settings" onSubmit={submit} ref={form}>
        {SETTINGS.map(({ title, fields }) => (
          <fieldset key={title} disabled={!mayChange} class="card form">
            <legend>{title}</legend>
            {fields.map((setting) => (
              <SettingField
                key={setting.name}
                setting={setting}
                value={setting.name in draft ? draft[setting.name] : app[setting.name]}
                errors={save.error?.fields[setting.name]}
                onChange={(value) => setDraft(withValue(draft, app, setting.name, value))}
              />
            ))}
          </fieldset>
        ))}
        {Object.keys(draft).length > 0 && (
          <div class="unsaved" role="status">
            <span>
              Not saved yet: <b>{labelsOf(draft).join(', ')}</b>
            </span>
            {save.error && unnamed ? <ErrorLine error={save.error} /> : null}
            {save.error && !unnamed ? <span class="error">Some fields are wrong.</span> : null}
            <div class="actions">
              <Button onClick={() => setDraft({})}>Discard</Button>
              <Button type="submit" look="primary" isBusy={save.isBusy}>
                Save
              </Button>
            </div>
          </div>
        )}
      </form>
      {mayChange && <Ending app={app} onChanged={setApp} />}
    </>
  )
}

/** Closing the tab would lose what is not saved; other pages of the console do not. */
function useWarning(isNeeded: boolean): void {
  useEffect(() => {
    if (!isNeeded) return undefined
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isNeeded])
}

const Provided = ({ by }: { readonly by: string }) => (
  <p class="stale">
    This app comes from {by}: its id, keys and secrets are changed there, and it is deleted there.
    What you change here stands beside it, and counts.
  </p>
)
