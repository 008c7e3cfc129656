/** Connect: lines to paste, with this app's values and this server's address, and a sign that says when they work. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { isMasked, loadApp, type AppView } from '../apps/app'
import { PUBLIC } from '../place'
import { href, type PageProps } from '../router'
import { useLoaded } from '../use'
import { Button, Copy, Field, Page, Secret, Show } from '../ui/ui'
import { httpUrl, isLocalOnly, parseAddress, type Address } from './address'
import { Progress } from './progress'
import type { ConnectedApp, Snippet } from './snippet'
import { coveredText, noteOn, PLACES, snippetOf } from './snippets'
import '../apps/apps.css'
import './connect.css'

const FIRST_URL = httpUrl(parseAddress(PUBLIC.href))

export function ConnectPage({ params, query }: PageProps) {
  const slug = params['slug']!
  const loaded = useLoaded(() => loadApp(slug), [slug])
  const [typed, setTyped] = useState(FIRST_URL)
  const address = URL.canParse(typed) ? parseAddress(typed) : parseAddress(FIRST_URL)
  return (
    <Page title="Connect" name={`Connect · ${slug}`}>
      <Show of={loaded}>
        {(app) => (
          <>
            {!app.active && (
              <p class="stale">
                This app is disabled: it refuses everybody. Its{' '}
                <a href={href(['apps', slug, 'settings'])}>settings</a> have the button.
              </p>
            )}
            <Progress app={app} />
            <Snippets app={app} address={address} id={query.get('with') ?? undefined} />
            <Credentials app={app}>
              <AddressField value={typed} address={address} onChange={setTyped} />
            </Credentials>
          </>
        )}
      </Show>
    </Page>
  )
}

type AddressProps = {
  readonly value: string
  readonly address: Address
  readonly onChange: (value: string) => void
}

/** The page's own address, unless the settings say another; whoever knows better writes it here. */
const AddressField = ({ value, address, onChange }: AddressProps) => (
  <Field
    label="Address of this server"
    errors={URL.canParse(value) ? [] : ['is no URL, such as https://push.example.com']}
    hint={
      <>
        {isLocalOnly(address) && (
          <>
            {address.host} is this machine’s own name for itself: for other machines write
            theirs.{' '}
          </>
        )}
        The snippets have what is written here; <code>CARILLON_PUBLIC_URL</code> makes it stay.
      </>
    }
  >
    {(attributes) => (
      <input
        {...attributes}
        type="url"
        value={value}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    )}
  </Field>
)

type CredentialsProps = { readonly app: AppView; readonly children: ComponentChildren }

function Credentials({ app, children }: CredentialsProps) {
  const rows = [
    ['App id', String(app.id)],
    ['Key', app.key],
  ] as const
  return (
    <section class="values" aria-label="Credentials">
      <dl class="credentials">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{value}</code> <Copy text={value} label={`Copy ${name}`} />
            </dd>
          </div>
        ))}
        <div>
          <dt>Secret</dt>
          <dd>
            {isMasked(app) ? (
              <span class="hint">Your token only reads, so it is not shown.</span>
            ) : (
              <Secret value={app.secret} name="the secret of the app" />
            )}
          </dd>
        </div>
      </dl>
      {children}
    </section>
  )
}

type SnippetsProps = {
  readonly app: AppView
  readonly address: Address
  readonly id: string | undefined
}

function Snippets({ app, address, id }: SnippetsProps) {
  const current = snippetOf(id)
  return (
    <section class="snippets" aria-label="Snippets">
      <nav aria-label="What connects">
        {PLACES.map(({ title, snippets }) => (
          <div key={title}>
            <h2>{title}</h2>
            {snippets.map((each) => (
              <a
                key={each.id}
                href={href(['apps', app.slug, 'connect'], { with: each.id })}
                aria-current={each === current ? 'true' : undefined}
              >
                {each.name}
              </a>
            ))}
          </div>
        ))}
      </nav>
      <Shown key={current.id} app={app} address={address} snippet={current} />
    </section>
  )
}

type ShownProps = { readonly app: AppView; readonly address: Address; readonly snippet: Snippet }

function Shown({ app, address, snippet }: ShownProps) {
  const [isOpen, setOpen] = useState(false)
  const values: ConnectedApp = { ...app, id: String(app.id) }
  const hasSecret = snippet.place === 'server'
  const isCovered = hasSecret && (!isOpen || isMasked(app))
  const covered = coveredText(snippet, values, address)
  const text = isMasked(app) ? covered : snippet.lines(values, address)
  const note = noteOn(snippet, address, app['tls_only'] === true)
  return (
    <div class="snippet">
      <p>{snippet.does}</p>
      {note !== undefined && <p class="stale">{note}</p>}
      {snippet.install !== undefined && (
        <div class="install">
          <pre tabIndex={0} aria-label="Installs what it needs">
            {snippet.install}
          </pre>
          <Copy text={snippet.install} label="Copy the command that installs it" />
        </div>
      )}
      <header class="page-head">
        <code>{snippet.file}</code>
        <div class="actions">
          {hasSecret && !isMasked(app) && (
            <Button onClick={() => setOpen(!isOpen)} isPressed={isOpen}>
              {isOpen ? 'Hide the secret' : 'Show the secret'}
            </Button>
          )}
          <Button onClick={() => save(snippet.file, text)}>Download</Button>
          <Copy text={text} label={`Copy ${snippet.name}`} />
        </div>
      </header>
      <pre tabIndex={0} aria-label={`${snippet.language}, ${snippet.file}`}>
        {isCovered ? covered : text}
      </pre>
      {isCovered && !isMasked(app) && (
        <p class="hint">What you copy or download has the secret in place of YOUR_SECRET.</p>
      )}
    </div>
  )
}

/** Hands the text to the browser as a file. */
function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text]))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
