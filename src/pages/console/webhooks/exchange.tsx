/** One request to an endpoint, opened: the body as it was signed, its headers, the answer, and what to do. */
import { useState } from 'preact/hooks'
import { formatBytes, formatDuration, indentJson } from '../format'
import { Button, Copy } from '../ui/ui'
import { adviceFor } from './advice'
import { countEvents, type Attempt, type Exchanged } from './endpoint'

type OutcomeProps = { readonly of: Omit<Attempt, 'number'> }

/** `503 in 12 ms, 3 events` */
export const Outcome = ({ of }: OutcomeProps) => (
  <>
    <span class={of.error === null ? 'tag good' : 'tag bad'}>{of.status ?? 'No answer'}</span>{' '}
    <span class="num">
      {formatDuration(of.duration_ms)}, {countEvents(of.events)}
    </span>
  </>
)

/** The error, and what to do. */
export function Trouble({ error }: { readonly error: string | null }) {
  if (error === null) return null
  const advice = adviceFor(error)
  return (
    <p>
      <span class="error">
        {error.slice(0, 1).toUpperCase()}
        {error.slice(1)}.
      </span>{' '}
      {advice}
    </p>
  )
}

export function Exchange({ of }: { readonly of: Exchanged & { readonly error: string | null } }) {
  const { request, answer, error } = of
  return (
    <div class="exchange">
      <Trouble error={error} />
      {request === null ? (
        <p class="hint">
          Its body is not kept any more: bodies are in memory, those of the newest requests.
        </p>
      ) : (
        <>
          <Body {...request} />
          <details>
            <summary>Headers</summary>
            <dl class="headers">
              {Object.entries(request.headers).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd class="mono">{value}</dd>
                </div>
              ))}
            </dl>
          </details>
          <Answer answer={answer} />
        </>
      )}
    </div>
  )
}

type BodyProps = NonNullable<Exchanged['request']>

function Body({ body, body_bytes: bytes }: BodyProps) {
  const [isSigned, setSigned] = useState(false)
  const isCut = new TextEncoder().encode(body).length < bytes
  return (
    <section>
      <header>
        <h4>
          Body <small>{formatBytes(bytes)}</small>
        </h4>
        {!isCut && (
          <Button onClick={() => setSigned(!isSigned)} isPressed={isSigned}>
            As it was signed
          </Button>
        )}
        <Copy text={body} label="Copy the body as it was signed" />
      </header>
      <pre tabIndex={0} class={isSigned || isCut ? 'whole' : undefined}>
        {isSigned || isCut ? body : indentJson(body)}
      </pre>
      {isCut && <p class="hint">This is its beginning: 16 KB of a body are kept.</p>}
    </section>
  )
}

function Answer({ answer }: Pick<Exchanged, 'answer'>) {
  if (answer === null)
    return <p class="hint">What it has answered is shown to those who may change every app.</p>
  return (
    <section>
      <header>
        <h4>Answer</h4>
      </header>
      {answer === '' ? <p class="hint">Empty</p> : <pre tabIndex={0}>{indentJson(answer)}</pre>}
    </section>
  )
}
