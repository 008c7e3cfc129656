/** Which changes are shown: of an app, by somebody, of a kind, of a time. */
import type { AppView } from '../apps/app'
import { useSession } from '../session'
import { Button, Field } from '../ui/ui'
import { ACTIONS, type Filter } from './audit'
import { findApp } from './scope'

type AuditFilterProps = {
  readonly filter: Filter
  readonly apps: readonly AppView[]
  readonly onChange: (filter: Filter) => void
}

export function AuditFilter({ filter, apps, onChange }: AuditFilterProps) {
  const seesOneApp = useSession().app !== null
  const { app, actor, action, from, to } = filter
  const change = (name: keyof Filter, value: string) => {
    const { [name]: _, ...others } = filter
    onChange(value.trim() === '' ? others : { ...others, [name]: value.trim() })
  }
  const time = (name: 'from' | 'to', label: string, value: string | undefined) => (
    <Field label={label}>
      {(attributes) => (
        <input
          {...attributes}
          type="datetime-local"
          value={localOf(value)}
          onChange={({ currentTarget }) => change(name, msOf(currentTarget.value))}
        />
      )}
    </Field>
  )
  const known = app === undefined ? undefined : findApp(apps, app)
  return (
    <search class="audit-filter">
      {!seesOneApp && (
        <Field label="App">
          {(attributes) => (
            <select
              {...attributes}
              value={known?.slug ?? app ?? ''}
              onChange={({ currentTarget }) => change('app', currentTarget.value)}
            >
              <option value="">All</option>
              {app !== undefined && !known && <option value={app}>{app}</option>}
              {apps.map(({ slug, name }) => (
                <option key={slug} value={slug}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Field label="Who">
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            placeholder="name of a user or token"
            value={actor ?? ''}
            onChange={({ currentTarget }) => change('actor', currentTarget.value)}
          />
        )}
      </Field>
      <Field label="What">
        {(attributes) => (
          <select
            {...attributes}
            value={action ?? ''}
            onChange={({ currentTarget }) => change('action', currentTarget.value)}
          >
            <option value="">All</option>
            {Object.entries({ ...(action && { [action]: action }), ...ACTIONS }).map(
              ([name, title]) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ),
            )}
          </select>
        )}
      </Field>
      {time('from', 'From', from)}
      {time('to', 'Until', to)}
      <Button onClick={() => onChange({})} isOff={Object.keys(filter).length === 0}>
        Show all
      </Button>
    </search>
  )
}

/** What a control for times takes, in local time, to the minute; of milliseconds since 1970. */
function localOf(ms: string | undefined): string {
  const at = new Date(Number(ms))
  if (ms === undefined || Number.isNaN(at.getTime())) return ''
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}

/** The reverse; empty for no time. */
function msOf(local: string): string {
  const at = new Date(local).getTime()
  return Number.isNaN(at) ? '' : String(at)
}
