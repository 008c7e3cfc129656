/** Endpoints of webhooks, as they are in the settings. What becomes of them is on the page of webhooks. */
import { useState } from 'preact/hooks'
import { WEBHOOK_EVENTS } from '../../../core/webhooks'
import { ItemList, SmallInput, type SettingProps } from './parts'

type Texts = Readonly<Record<string, string>>

type Webhook = {
  readonly url: string
  /** All, if absent. */
  readonly event_types?: readonly string[]
  readonly filter?: Texts
  readonly headers?: Texts
}

const FILTERS = {
  channel_name_starts_with: 'Channels that begin with',
  channel_name_ends_with: 'Channels that end with',
} as const

/** Without what is empty, which the API has no use for. */
function tidy({ url, event_types, filter = {}, headers = {} }: Webhook): Webhook {
  const texts = Object.fromEntries(Object.entries(filter).filter(([, text]) => text !== ''))
  return {
    url,
    ...(event_types && { event_types }),
    ...(Object.keys(texts).length > 0 && { filter: texts }),
    ...(Object.keys(headers).length > 0 && { headers }),
  }
}

export const WebhooksField = ({
  setting,
  value,
  errors,
  onChange,
}: SettingProps<readonly Webhook[]>) => (
  <ItemList
    label={setting.label}
    noun="an endpoint"
    items={value}
    errors={errors}
    make={(): Webhook => ({ url: 'https://' })}
    onChange={(webhooks) => onChange(webhooks.map(tidy))}
  >
    {(webhook, change) => (
      <>
        <div class="wide">
          <SmallInput
            label="URL"
            value={webhook.url}
            onChange={(url) => change({ ...webhook, url })}
          />
        </div>
        <EventTypes webhook={webhook} onChange={change} />
        {Object.entries(FILTERS).map(([name, label]) => (
          <SmallInput
            key={name}
            label={label}
            placeholder="all"
            value={webhook.filter?.[name] ?? ''}
            onChange={(text) => change({ ...webhook, filter: { ...webhook.filter, [name]: text } })}
          />
        ))}
        <Headers
          value={webhook.headers ?? {}}
          onChange={(headers) => change({ ...webhook, headers })}
        />
      </>
    )}
  </ItemList>
)

type TypesProps = { readonly webhook: Webhook; readonly onChange: (webhook: Webhook) => void }

/** All are none of a list, so that kinds which later versions bring are among them. */
function EventTypes({ webhook, onChange }: TypesProps) {
  const { event_types: types, ...others } = webhook
  const toggle = (name: string, isOn: boolean) => {
    const chosen = WEBHOOK_EVENTS.filter((each) =>
      each === name ? isOn : (types?.includes(each) ?? true),
    )
    onChange(chosen.length === WEBHOOK_EVENTS.length ? others : { ...others, event_types: chosen })
  }
  return (
    <div class="wide types">
      {WEBHOOK_EVENTS.map((name) => (
        <label key={name}>
          <input
            type="checkbox"
            checked={types?.includes(name) ?? true}
            onChange={({ currentTarget }) => toggle(name, currentTarget.checked)}
          />{' '}
          <code>{name}</code>
        </label>
      ))}
    </div>
  )
}

const linesOf = (headers: Texts): string =>
  Object.entries(headers)
    .map(([name, text]) => `${name}: ${text}`)
    .join('\n')

function headersOf(text: string): Texts {
  const rows = text.split('\n').filter((line) => line.trim() !== '')
  return Object.fromEntries(
    rows.map((line) => {
      const [name = '', ...rest] = line.split(':')
      return [name.trim(), rest.join(':').trim()]
    }),
  )
}

type HeadersProps = { readonly value: Texts; readonly onChange: (headers: Texts) => void }

/** The text is kept as it is typed: a line without its value is on its way to be one. */
function Headers({ value, onChange }: HeadersProps) {
  const [text, setText] = useState(() => linesOf(value))
  const isOurs = JSON.stringify(headersOf(text)) === JSON.stringify(value)
  return (
    <label class="small wide">
      <span>Headers, one a line, as Authorization: Bearer …</span>
      <textarea
        rows={2}
        spellcheck={false}
        value={isOurs ? text : linesOf(value)}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value)
          onChange(headersOf(currentTarget.value))
        }}
      />
    </label>
  )
}
