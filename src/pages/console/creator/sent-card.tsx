/** What became of what was sent: the answer to the last one, and a list that fills the form again. */
import { formatDuration } from '../format'
import { Button, Time } from '../ui/ui'
import type { Outcome } from './app-api'
import type { Arrival } from './arrivals'
import type { Form } from './form'
import type { Sent } from './history'

export type Result = Outcome & {
  readonly id: string
  /** How many of its events the listener should hear. */
  readonly awaited: number
}

type ResultLineProps = { readonly result: Result | undefined; readonly own: readonly Arrival[] }

/** The API's answer, and how long the event took to arrive. */
export function ResultLine({ result, own }: ResultLineProps) {
  if (!result) return <span role="status" class="result" />
  const { status, answer, ms, awaited } = result
  if (status !== 200)
    return (
      <span role="alert" class="result error">
        {status > 0 && <span class="tag bad">{status}</span>} {answer}
      </span>
    )
  const times = own.flatMap(({ id, ms }) => (id === result.id ? [ms] : []))
  return (
    <span role="status" class="result">
      <span class="tag good">{status}</span> accepted in {formatDuration(ms)}
      {awaited === 0 && ', not heard here'}
      {awaited > 0 && times.length < awaited && ', not arrived yet'}
      {awaited > 0 && times.length >= awaited && (
        <>
          , <strong>arrived in {formatDuration(Math.max(...times))}</strong>
        </>
      )}
    </span>
  )
}

type SentCardProps = {
  readonly sent: readonly Sent[]
  readonly onFill: (form: Form) => void
  readonly onClear: () => void
}

export const SentCard = ({ sent, onFill, onClear }: SentCardProps) => (
  <section class="card sent">
    <header class="card-head">
      <h2>Sent</h2>
      {sent.length > 0 && (
        <Button onClick={onClear} label="Clear what was sent">
          Clear
        </Button>
      )}
    </header>
    {sent.length === 0 ? (
      <p class="hint">
        What you send is listed here, in this tab only. A click fills the form again.
      </p>
    ) : (
      <ul class="entries">
        {sent.map((entry) => (
          <li key={entry.id}>
            <button type="button" class="entry" onClick={() => onFill(entry.form)}>
              <Time at={entry.time} />
              <span class={entry.status === 200 ? 'tag good' : 'tag bad'}>
                {entry.status || 'no answer'}
              </span>
              <code>{describe(entry.form)}</code>
              {entry.status !== 200 && <span class="error">{entry.answer}</span>}
            </button>
          </li>
        ))}
      </ul>
    )}
  </section>
)

function describe({ kind, rows, user }: Form): string {
  const [first] = rows
  if (kind === 'user') return `${first!.event} to the user ${user}`
  const more = rows.length > 1 && kind === 'batch' ? `, and ${rows.length - 1} more` : ''
  return `${first!.event} on ${first!.channel}${more}`
}
