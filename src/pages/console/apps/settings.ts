/**
 * Settings of an app as a form has them: SETTINGS, the sections and fields; what has changed since they were loaded;
 * and drafts, which stay in this tab when one leaves the page.
 */
import { SWITCHES } from '../../../apps/switches'
import type { AppView } from './app'

/** How a field is edited; each has a control in `setting-fields.tsx`. */
export type FieldKind = 'text' | 'switch' | 'hosts' | 'webhooks' | 'history' | 'limits' | 'plugins'

export type Setting = {
  /** As in APP_FIELDS, and in the errors of the API. */
  readonly name: string
  readonly kind: FieldKind
  readonly label: string
  readonly hint?: string
}

const LABELS: Readonly<Record<string, string>> = {
  client_events: 'Client events',
  public_client_events: 'Client events on public topics',
  tls_only: 'TLS alone',
  subscription_counts: 'Subscription counts',
  epl_bridge: 'Events of other APIs in scopes',
}

/** `active` has a button of its own, since it ends connections. */
const switches: readonly Setting[] = Object.entries(SWITCHES)
  .filter(([name]) => name !== 'active')
  .map(([name, { about }]) => ({ name, kind: 'switch', label: LABELS[name] ?? name, hint: about }))

type Section = { readonly title: string; readonly fields: readonly Setting[] }

export const SETTINGS: readonly Section[] = [
  {
    title: 'General',
    fields: [
      {
        name: 'name',
        kind: 'text',
        label: 'Name',
        hint: 'A new name makes a new slug, unless you give one.',
      },
      {
        name: 'slug',
        kind: 'text',
        label: 'Slug',
        hint: 'In the addresses of this console and of the admin API.',
      },
    ],
  },
  { title: 'Events', fields: switches },
  {
    title: 'Pages that may connect',
    fields: [
      {
        name: 'hosts',
        kind: 'hosts',
        label: 'Origins',
        hint: 'One a line, as https://example.com or *.example.com. Empty for all.',
      },
    ],
  },
  {
    title: 'Webhooks',
    fields: [{ name: 'webhooks', kind: 'webhooks', label: 'Endpoints that are told what happens' }],
  },
  {
    title: 'History',
    fields: [{ name: 'history', kind: 'history', label: 'Channels whose events are kept' }],
  },
  {
    title: 'Limits',
    fields: [
      {
        name: 'limits',
        kind: 'limits',
        label: 'Numbers of its own',
        hint: 'Empty for the number of the server.',
      },
    ],
  },
  {
    title: 'Plugins',
    fields: [{ name: 'plugins', kind: 'plugins', label: 'Settings of plugins for this app' }],
  },
]

/** The values of the form that differ from the app's, by field. */
export type Draft = Readonly<Record<string, unknown>>

const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other)

/** The draft with a value; without the field, where that is what the app has. */
export function withValue(draft: Draft, app: AppView, name: string, value: unknown): Draft {
  const { [name]: _, ...others } = draft
  return isSame(value, app[name]) ? others : { ...others, [name]: value }
}

/** The names of what is in a draft: of the section, where a field has one to itself. */
export const labelsOf = (draft: Draft): readonly string[] =>
  SETTINGS.flatMap(({ title, fields }) =>
    fields
      .filter(({ name }) => name in draft)
      .map(({ label }) => (fields.length === 1 ? title : label)),
  )

/** What is sent: of limits and plugins, which the API changes one by one, those that have changed alone. */
export function changesOf(draft: Draft, app: AppView): Draft {
  const changes: Record<string, unknown> = { ...draft }
  for (const name of ['limits', 'plugins'])
    if (name in draft) changes[name] = changedEntries(app[name] as Entries, draft[name] as Entries)
  return changes
}

type Entries = Readonly<Record<string, unknown>>

/** Null for what is not there any more. */
function changedEntries(before: Entries, after: Entries): Entries {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return Object.fromEntries(
    Array.from(names)
      .filter((name) => !isSame(before[name], after[name]))
      .map((name) => [name, after[name] ?? null]),
  )
}

/** By the id of the app; one each, for as long as the tab is open. */
const drafts = new Map<string, Draft>()

export const draftOf = ({ id }: AppView): Draft => drafts.get(String(id)) ?? {}

export function keepDraft({ id }: AppView, draft: Draft): void {
  if (Object.keys(draft).length === 0) drafts.delete(String(id))
  else drafts.set(String(id), draft)
}
