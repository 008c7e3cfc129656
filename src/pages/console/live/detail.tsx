/** One row, opened: why somebody was refused, the data, every field, and what can be done again from a shell. */
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { formatBytes } from '../format'
import { href } from '../router'
import { Button, Copy, Time } from '../ui/ui'
import { commandsOf, prettyData, type CommandPlace } from './commands'
import { KINDS } from './kinds'
import { fieldsOf, textOf, type Fields, type LiveRow } from './row'

type DetailProps = {
  readonly row: LiveRow
  readonly place: CommandPlace
  readonly onClose: () => void
}

/** Shown elsewhere in the pane. */
const OWN = ['kind', 'at', 'data', 'data_beginning', 'signature', 'cause', 'likely', 'remedy']

export function Detail({ row, place, onClose }: DetailProps) {
  const fields = useMemo(() => fieldsOf(row), [row])
  const pane = useRef<HTMLElement>(null)
  useEffect(() => pane.current?.scrollTo(0, 0), [row])
  const { title, look } = KINDS[row.kind]
  const rest = Object.entries(fields).filter(
    ([name, value]) => !OWN.includes(name) && value !== null,
  )
  return (
    <aside class="live-detail card" aria-label={`${title}, in full`} ref={pane}>
      <header>
        <h2>
          <span class={`tag ${look}`}>{title}</span> {row.what}
        </h2>
        <Button onClick={onClose} label="Close the row" title="Escape">
          ✕
        </Button>
      </header>
      <p class="hint">
        <Time at={row.at} />
      </p>
      <Why fields={fields} />
      <Data fields={fields} />
      <dl>
        {rest.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="mono">
              <Value slug={place.slug} name={name} text={textOf(value)} />
            </dd>
          </>
        ))}
      </dl>
      <p class="actions">
        <Copy text={JSON.stringify(fields, null, 2)} label="Copy as JSON">
          Copy as JSON
        </Copy>
        {row.kind === 'published' && fields['data'] !== undefined && (
          <a href={creatorHref(place.slug, row, fields)}>Change it and send it</a>
        )}
      </p>
      {commandsOf(row, place).map(({ title: name, about, line }) => (
        <section key={name}>
          <header>
            <h3>{name}</h3>
            <Copy text={line} label={`Copy as curl: ${name}`}>
              Copy as curl
            </Copy>
          </header>
          <pre tabIndex={0}>{line}</pre>
          <p class="hint">{about}</p>
        </section>
      ))}
    </aside>
  )
}

type ValueProps = { readonly slug: string; readonly name: string; readonly text: string }

/** Names lead to the page of what they name. */
function Value({ slug, name, text }: ValueProps) {
  const to = LINKS[name]?.(text)
  return to ? <a href={href(['apps', slug, ...to])}>{text}</a> : text
}

const LINKS: Readonly<Record<string, (text: string) => readonly string[]>> = {
  socket_id: (socketId) => ['people', 'connections', socketId],
  channel: (channel) => ['people', 'channels', channel],
  endpoint: () => ['webhooks'],
}

const creatorHref = (slug: string, { channel, what }: LiveRow, { data }: Fields): string =>
  href(['apps', slug, 'creator'], { channel, event: what, data: prettyData(data) })

type OfFields = { readonly fields: Fields }

type Signature = {
  readonly of: string
  readonly key: string
  readonly should_sign: string
  readonly sent: string
}

/** What each kind of signature covers. */
const COVERS: Readonly<Record<string, string>> = {
  subscription: 'socket_id:channel, with :channel_data where there is any',
  signin: 'socket_id::user::user_data',
  request: 'The method, the path and the sorted query, on a line each',
}

/** The likely reason, what to do, and what should have been signed. */
function Why({ fields }: OfFields) {
  const [likely, remedy] = [textOf(fields['likely']), textOf(fields['remedy'])]
  const signature = fields['signature'] as Signature | undefined
  if (likely === '' && !signature) return null
  return (
    <section class="why" aria-label="Why it was refused">
      {likely && <p class="likely">{likely}</p>}
      {remedy && <p>{remedy}</p>}
      {signature && (
        <>
          <header>
            <h3>Should have been signed</h3>
            <Copy text={signature.should_sign} label="Copy the text to sign" />
          </header>
          <pre tabIndex={0}>{signature.should_sign}</pre>
          <p class="hint">
            {COVERS[signature.of]}: HMAC SHA256 with the secret of{' '}
            <code>{signature.key || 'the key'}</code>, in lower-case hex.
          </p>
          <h3>Was sent</h3>
          <pre tabIndex={0}>{signature.sent || 'nothing'}</pre>
        </>
      )}
    </section>
  )
}

function Data({ fields }: OfFields) {
  const { data, data_beginning: beginning, bytes } = fields
  if (data === undefined && beginning === undefined) return null
  const text = beginning === undefined ? prettyData(data) : textOf(beginning)
  return (
    <section>
      <header>
        <h3>
          Data <small>{formatBytes(Number(bytes))}</small>
        </h3>
        <Copy text={text} label="Copy the data" />
      </header>
      <pre tabIndex={0}>{text}</pre>
      {beginning !== undefined && (
        <p class="hint">
          This is its beginning: the stream carries 10 240 characters of the data of an event.
        </p>
      )}
    </section>
  )
}
