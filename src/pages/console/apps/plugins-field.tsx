/** Settings of plugins for the app, each as JSON; what a plugin takes stands beside it, for who may see its schema. */
import { useState } from 'preact/hooks'
import { api } from '../api'
import { findJsonMistake } from '../creator/json-mistake'
import { may, useSession } from '../session'
import { useLoaded } from '../use'
import { Button, Field } from '../ui/ui'
import type { SettingProps } from './parts'

type Schema = {
  readonly properties?: Readonly<Record<string, Property>>
  readonly required?: readonly string[]
}
type Property = {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
}

type Plugin = { readonly name: string; readonly settings: Schema | null }
type Values = Readonly<Record<string, unknown>>

/** @throws ApiError */
async function loadSchemas(isAllowed: boolean): Promise<ReadonlyMap<string, Schema>> {
  if (!isAllowed) return new Map()
  const { data } = await api<{ readonly data: readonly Plugin[] }>('GET', 'api/admin/plugins')
  return new Map(data.flatMap(({ name, settings }) => (settings ? [[name, settings]] : [])))
}

export function PluginsField({ value, errors = [], onChange }: SettingProps<Values>) {
  const seesSchemas = may(useSession(), 'read')
  const loaded = useLoaded(() => loadSchemas(seesSchemas), [seesSchemas])
  const schemas = loaded.state === 'loaded' ? loaded.value : new Map<string, Schema>()
  const names = [...new Set([...schemas.keys(), ...Object.keys(value)])]
  const set = (name: string, settings: unknown) => {
    const { [name]: _, ...others } = value
    onChange(settings === undefined ? others : { ...value, [name]: settings })
  }
  return (
    <div class="form">
      {errors.length > 0 && (
        <p class="error" role="alert">
          {errors.join('; ')}
        </p>
      )}
      {names.length === 0 && <p class="hint">No plugin here takes settings of an app.</p>}
      {names.map((name) => (
        <PluginField
          key={name}
          name={name}
          schema={schemas.get(name)}
          value={value[name]}
          onChange={(settings) => set(name, settings)}
        />
      ))}
    </div>
  )
}

type PluginProps = {
  readonly name: string
  readonly schema: Schema | undefined
  readonly value: unknown
  readonly onChange: (settings: unknown) => void
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, null, 2)

/** Text that is no JSON yet stays text, which the API refuses. */
function PluginField({ name, schema, value, onChange }: PluginProps) {
  const [text, setText] = useState(() => (value === undefined ? '' : textOf(value)))
  const isOurs = text !== '' && JSON.stringify(valueOf(text)) === JSON.stringify(value)
  if (value === undefined)
    return (
      <div>
        <p class="list-label">{name}</p>
        <p class="hint">
          {describe(schema)}{' '}
          <Button onClick={() => onChange(firstOf(schema))} label={`Give ${name} settings`}>
            Give it settings
          </Button>
        </p>
      </div>
    )
  const shown = isOurs ? text : textOf(value)
  const mistake = findJsonMistake(shown)
  return (
    <Field
      label={name}
      hint={
        <>
          {describe(schema)}{' '}
          <Button look="link" onClick={() => onChange(undefined)} label={`Remove those of ${name}`}>
            Remove
          </Button>
        </>
      }
      errors={mistake && [`Line ${mistake.line}, column ${mistake.column}: ${mistake.reason}`]}
    >
      {(attributes) => (
        <textarea
          {...attributes}
          rows={Math.max(3, shown.split('\n').length)}
          spellcheck={false}
          value={shown}
          onInput={({ currentTarget }) => {
            setText(currentTarget.value)
            onChange(valueOf(currentTarget.value))
          }}
        />
      )}
    </Field>
  )
}

const valueOf = (text: string): unknown => (findJsonMistake(text) ? text : JSON.parse(text))

/** What is required, with an example by its type, for a beginning. */
function firstOf({ properties = {}, required = [] }: Schema = {}): unknown {
  const examples: Values = { string: '', integer: 0, number: 0, boolean: false, array: [] }
  return Object.fromEntries(
    required.map((name) => {
      const { type = '', default: usual, minimum } = properties[name] ?? {}
      return [name, usual ?? minimum ?? examples[type] ?? null]
    }),
  )
}

function describe({ properties = {}, required = [] }: Schema = {}): string {
  return Object.entries(properties)
    .map(([name, { type, description }]) => {
      const about = [type, required.includes(name) ? 'required' : undefined, description]
      return `${name} (${about.filter((part) => part !== undefined).join(', ')})`
    })
    .join('; ')
}
