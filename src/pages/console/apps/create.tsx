/** Creates an app: a name is enough. Who comes from another server keeps id, key and secret. */
import { useState } from 'preact/hooks'
import { href, navigate } from '../router'
import { useAction } from '../use'
import { ErrorLine } from '../ui/page'
import { Button, Dialog, Field } from '../ui/ui'
import { createApp } from './app'

/** What may be given besides the name. */
const MOVED = [
  { name: 'slug', label: 'Slug', hint: 'In addresses; made from the name' },
  { name: 'id', label: 'Id', hint: 'Of another server, for shipped SDKs; else made up' },
  { name: 'key', label: 'Key', hint: 'Of another server, for shipped clients; else made up' },
  { name: 'secret', label: 'Secret', hint: 'Made up where it is empty' },
] as const

type Values = { readonly [name: string]: string }

export function CreateApp({ onClose }: { readonly onClose: () => void }) {
  const [values, setValues] = useState<Values>({ name: '' })
  const { run, isBusy, error } = useAction(async () => {
    const given = Object.entries(values).filter(([, value]) => value !== '')
    const { slug } = await createApp(Object.fromEntries(given))
    navigate(href(['apps', slug, 'connect']))
  })
  const input = (name: string, label: string, hint: string) => (
    <Field label={label} hint={hint} errors={error?.fields[name]}>
      {(attributes) => (
        <input
          {...attributes}
          name={name}
          value={values[name] ?? ''}
          required={name === 'name'}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => setValues({ ...values, [name]: currentTarget.value })}
        />
      )}
    </Field>
  )
  const isOfMoved = MOVED.some(({ name }) => error?.fields[name])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void run()
  }
  return (
    <Dialog title="New app" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {input('name', 'Name', 'Five characters or more. You can change it later.')}
        <details open={isOfMoved || undefined}>
          <summary>It comes from another server</summary>
          <div class="form">{MOVED.map(({ name, label, hint }) => input(name, label, hint))}</div>
        </details>
        {error && Object.keys(error.fields).length === 0 && <ErrorLine error={error} />}
        <p class="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={isBusy}>
            Create
          </Button>
        </p>
      </form>
    </Dialog>
  )
}
