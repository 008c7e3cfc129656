/** The audit: who changed what, when, from where; filtered, and opened to what it was before and after. */
import { useState } from 'preact/hooks'
import { loadApps, type AppView } from '../apps/app'
import { href, replaceRoute, type PageProps } from '../router'
import { useLoaded } from '../use'
import { Button, Empty, Failure, Loading, Page, Rows, Time, type Column } from '../ui/ui'
import { ACTIONS, filterOf, useAudit, type AuditRow, type Filter } from './audit'
import { AuditEntry } from './audit-entry'
import { AuditFilter } from './audit-filter'
import { AppLink } from './scope'
import './admin.css'

const NO_APPS: readonly AppView[] = []

export function AuditPage({ query }: PageProps) {
  const filter = filterOf(query)
  const { rows, hasMore, isLoading, error, more, retry, reload } = useAudit(filter)
  const loaded = useLoaded(loadApps, [])
  const apps = loaded.state === 'loaded' ? loaded.value : NO_APPS
  const [open, setOpen] = useState<AuditRow>()
  const change = (next: Filter) => replaceRoute(href(['audit'], next))
  const isFiltered = Object.keys(filter).length > 0
  return (
    <Page
      title="Audit"
      actions={
        <Button onClick={reload} isBusy={isLoading}>
          Refresh
        </Button>
      }
    >
      <AuditFilter filter={filter} apps={apps} onChange={change} />
      {rows.length === 0 && isLoading ? (
        <Loading />
      ) : (
        <Rows
          label="Changes"
          items={rows}
          columns={columnsOf(apps)}
          keyOf={({ id }) => String(id)}
          onOpen={setOpen}
          isOpen={({ id }) => id === open?.id}
          onEnd={more}
          turn={query.toString()}
        >
          {!error && (
            <Empty title={isFiltered ? 'No change is like that' : 'Nothing has been changed yet'}>
              {isFiltered ? (
                <Button onClick={() => change({})}>Show all</Button>
              ) : (
                <p>Apps, keys and tokens that are made, changed or ended will be here.</p>
              )}
            </Empty>
          )}
        </Rows>
      )}
      {error && <Failure error={error} onRetry={retry} />}
      {rows.length > 0 && !error && (
        <p class="hint" role="status">
          {rows.length} {rows.length === 1 ? 'change' : 'changes'}
          {hasMore ? ' so far; scroll on for more' : ', which are all'}
        </p>
      )}
      {open && <AuditEntry row={open} apps={apps} onClose={() => setOpen(undefined)} />}
    </Page>
  )
}

const columnsOf = (apps: readonly AppView[]): readonly Column<AuditRow>[] => [
  { title: 'When', width: 'minmax(5.5rem, 11rem)', cell: ({ at }) => <Time at={at} /> },
  {
    title: 'What',
    width: 'minmax(7rem, 1.2fr)',
    cell: ({ action }) => <span title={action}>{ACTIONS[action] ?? action}</span>,
  },
  {
    title: 'Of',
    width: 'minmax(5rem, 1.5fr)',
    cell: (row) => <Subject row={row} apps={apps} />,
  },
  {
    title: 'Who',
    width: 'minmax(5rem, 1fr)',
    isWide: true,
    cell: ({ actor: { name, kind } }) => (
      <>
        {name} {kind === 'token' && <span class="tag">token</span>}
      </>
    ),
  },
  {
    title: 'Fields',
    width: 'minmax(6rem, 1.5fr)',
    isWide: true,
    cell: ({ before, after }) => (
      <span class="hint">{Object.keys(after ?? before ?? {}).join(', ')}</span>
    ),
  },
  { title: 'From', width: '9rem', isWide: true, cell: ({ address }) => address },
]

type SubjectProps = { readonly row: AuditRow; readonly apps: readonly AppView[] }

/** The app, or what else it is about, by its name where the row has it. */
function Subject({ row, apps }: SubjectProps) {
  const { app_id: app, target, before, after } = row
  if (target === null) return app !== null && <AppLink id={app} apps={apps} />
  const { name } = { ...before, ...after }
  return typeof name === 'string' ? <span title={target}>{name}</span> : <code>{target}</code>
}
