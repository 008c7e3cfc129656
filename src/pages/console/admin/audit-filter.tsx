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
  const { app, actor, action } = filter
  const change = (name: keyof Filter, value: string) => {
    const { [name]: _, ...others } = filter
    onChange(value.trim() === '' ? others : { ...others, [name]: value.trim() })
  }
  const day = (name: 'from' | 'to', label: string, side: Side) => (
    <Field label={label}>
      {(attributes) => (
        <input
          {...attributes}
          type="date"
          value={dayOf(filter[name], side)}
          onChange={({ currentTarget }) => change(name, msOf(currentTarget.value, side))}
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
            placeholder="user or token"
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
      {day('from', 'From', 'begin')}
      {day('to', 'Until', 'end')}
      <Button onClick={() => onChange({})} isOff={Object.keys(filter).length === 0}>
        Show all
      </Button>
    </search>
  )
}

/** Which side of a day a time is. */
type Side = 'begin' | 'end'

/** The day of a time, `2026-11-28`, as the control takes it: local; of milliseconds since 1970. */
function dayOf(ms: string | undefined, side: Side): string {
  const at = new Date(Number(ms) - Number(side === 'end')) // the end of a day is the next one's begin
  if (ms === undefined || Number.isNaN(at.getTime())) return ''
  const twoDigits = (value: number): string => String(value).padStart(2, '0')
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(twoDigits).join('-')
}

/** The reverse; empty for no day. Days are not all of one length. */
function msOf(day: string, side: Side): string {
  const [year = Number.NaN, month = 1, date = 1] = day.split('-').map(Number)
  const at = new Date(year, month - 1, date + Number(side === 'end')).getTime()
  return Number.isNaN(at) ? '' : String(at)
}
