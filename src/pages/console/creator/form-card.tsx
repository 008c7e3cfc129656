/** The form: what is sent, to whom, checked as it is typed. */
import { useId, useState } from 'preact/hooks'
import { formatNumber } from '../format'
import { Button, Field } from '../ui/ui'
import type { AppAccess } from './app-api'
import type { Arrival } from './arrivals'
import { ChannelField } from './channel-field'
import { DataField } from './data-field'
import { FIRST_ROW, findMistakes, type Form, type Row, type RowMistakes } from './form'
import { ResultLine, type Result } from './sent-card'

const KINDS: readonly { readonly kind: Form['kind']; readonly title: string }[] = [
  { kind: 'channel', title: 'To a channel' },
  { kind: 'user', title: 'To a user' },
  { kind: 'batch', title: 'A batch' },
]

/** What the API takes in one request, unless its settings say otherwise. */
const MAX_ROWS = 10

type FormCardProps = {
  readonly app: AppAccess
  readonly form: Form
  readonly onChange: (form: Form) => void
  /** Undefined for whoever may not send. */
  readonly onSend: (() => Promise<void>) | undefined
  /** Of the pane. */
  readonly socketId: string | undefined
  readonly result: Result | undefined
  readonly own: readonly Arrival[]
}

export function FormCard(props: FormCardProps) {
  const { app, form, onChange, onSend, socketId, result, own } = props
  const [isBusy, setBusy] = useState(false)
  const [isTried, setTried] = useState(false)
  const mistakes = findMistakes(form)
  const change = (part: Partial<Form>) => onChange({ ...form, ...part })
  const changeRow = (index: number, part: Partial<Row>) =>
    change({ rows: form.rows.with(index, { ...form.rows[index]!, ...part }) })
  const send = async () => {
    setTried(true)
    if (mistakes || isBusy || !onSend) return
    setBusy(true)
    await onSend().finally(() => setBusy(false))
    setTried(false)
  }
  if (!onSend)
    return (
      <section class="card">
        <h2>This token sends nothing</h2>
        <p>It may read. What others send is heard beside this, in channels that are public.</p>
      </section>
    )
  const rows = form.kind === 'batch' ? form.rows : form.rows.slice(0, 1)
  return (
    <form
      class="card send"
      aria-label="Event"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
        event.preventDefault()
        void send()
      }}
    >
      <Kinds kind={form.kind} onChange={(kind) => change({ kind })} />
      {form.kind === 'user' && (
        <Field
          label="User"
          errors={isTried && mistakes?.user ? [mistakes.user] : []}
          hint="Reaches all connections that are signed in as this user"
        >
          {(attributes) => (
            <input
              {...attributes}
              spellcheck={false}
              autocomplete="off"
              placeholder="user-1"
              value={form.user}
              onInput={({ currentTarget }) => change({ user: currentTarget.value })}
            />
          )}
        </Field>
      )}
      {rows.map((row, index) => (
        <RowFields
          key={index}
          app={app}
          form={form}
          index={index}
          row={row}
          mistakes={mistakes?.rows[index] ?? {}}
          isTried={isTried}
          onChange={(part) => changeRow(index, part)}
          onRemove={
            form.kind === 'batch' && form.rows.length > 1
              ? () => change({ rows: form.rows.toSpliced(index, 1) })
              : undefined
          }
        />
      ))}
      {form.kind === 'batch' && (
        <p class="actions">
          <Button
            isOff={form.rows.length >= MAX_ROWS}
            onClick={() => change({ rows: [...form.rows, form.rows.at(-1) ?? FIRST_ROW] })}
          >
            Add an event
          </Button>
          <small>
            {formatNumber(form.rows.length)} of {MAX_ROWS}: all of them are accepted, or none
          </small>
        </p>
      )}
      {form.kind === 'channel' && (
        <Except
          except={form.except}
          socketId={socketId}
          mistake={isTried ? mistakes?.except : undefined}
          onChange={(except) => change({ except })}
        />
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={form.isText}
          onChange={({ currentTarget }) => change({ isText: currentTarget.checked })}
        />
        The data is text and not JSON
      </label>
      <div class="actions">
        <Button type="submit" look="primary" isBusy={isBusy} title="Ctrl or ⌘ and Enter">
          Send
        </Button>
        <ResultLine result={result} own={own} />
      </div>
    </form>
  )
}

type KindsProps = {
  readonly kind: Form['kind']
  readonly onChange: (kind: Form['kind']) => void
}

const Kinds = ({ kind, onChange }: KindsProps) => {
  const name = useId()
  return (
    <fieldset class="kinds">
      <legend>What is sent</legend>
      {KINDS.map((each) => (
        <label key={each.kind}>
          <input
            type="radio"
            name={name}
            checked={each.kind === kind}
            onChange={() => onChange(each.kind)}
          />
          <span>{each.title}</span>
        </label>
      ))}
    </fieldset>
  )
}

type RowFieldsProps = {
  readonly app: AppAccess
  readonly form: Form
  readonly index: number
  readonly row: Row
  readonly mistakes: RowMistakes
  readonly isTried: boolean
  readonly onChange: (part: Partial<Row>) => void
  readonly onRemove: (() => void) | undefined
}

function RowFields(props: RowFieldsProps) {
  const { app, form, index, row, mistakes, isTried, onChange, onRemove } = props
  const isBatch = form.kind === 'batch'
  const fields = (
    <>
      <div class="pair">
        {form.kind !== 'user' && (
          <ChannelField
            app={app}
            value={row.channel}
            mistake={isTried ? mistakes.channel : undefined}
            onChange={(channel) => onChange({ channel })}
          />
        )}
        <Field label="Event" errors={isTried && mistakes.event ? [mistakes.event] : []}>
          {(attributes) => (
            <input
              {...attributes}
              spellcheck={false}
              autocomplete="off"
              value={row.event}
              onInput={({ currentTarget }) => onChange({ event: currentTarget.value })}
            />
          )}
        </Field>
      </div>
      <DataField
        value={row.data}
        isText={form.isText}
        lines={isBatch ? 2 : 6}
        mistake={mistakes.data}
        onChange={(data) => onChange({ data })}
      />
    </>
  )
  if (!isBatch) return fields
  return (
    <fieldset class="batched">
      <legend>Event {index + 1}</legend>
      {fields}
      {onRemove && (
        <Button onClick={onRemove} label={`Remove event ${index + 1}`}>
          Remove
        </Button>
      )}
    </fieldset>
  )
}

type ExceptProps = {
  readonly except: string
  readonly socketId: string | undefined
  readonly mistake: string | undefined
  readonly onChange: (except: string) => void
}

const Except = ({ except, socketId, mistake, onChange }: ExceptProps) => (
  <Field
    label="To all but one socket"
    errors={mistake ? [mistake] : []}
    hint="The socket id of who has caused the event; empty for all"
  >
    {(attributes) => (
      <span class="with-button">
        <input
          {...attributes}
          spellcheck={false}
          autocomplete="off"
          placeholder="123.456"
          value={except}
          onInput={({ currentTarget }) => onChange(currentTarget.value.trim())}
        />
        <Button
          isOff={socketId === undefined}
          isPressed={socketId !== undefined && except === socketId}
          onClick={() => onChange(except === socketId ? '' : (socketId ?? ''))}
        >
          The listener
        </Button>
      </span>
    )}
  </Field>
)
