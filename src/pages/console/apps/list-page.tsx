/** Apps: the list of them, searched as one types, with how many are connected now. */
import { useState } from 'preact/hooks'
import { api } from '../api'
import { href, navigate } from '../router'
import { may, useSession } from '../session'
import { useLoaded } from '../use'
import { Button, Empty, Num, Page, Rows, Show, Time, type Column } from '../ui/ui'
import { loadApps, type AppView } from './app'
import { CreateApp } from './create'
import './apps.css'

const EVERY_MS = 5000

type Listed = AppView & { readonly connections: number | undefined }

type Stats = {
  readonly data: {
    readonly apps: readonly {
      readonly id: string
      readonly now: { readonly connections: number }
    }[]
  }
}

/** The apps, and for who may see it how many connections each has. @throws ApiError */
async function loadListed(seesNumbers: boolean): Promise<readonly Listed[]> {
  const [apps, stats] = await Promise.all([
    loadApps(),
    seesNumbers ? api<Stats>('GET', 'api/admin/stats?apps=all') : undefined,
  ])
  const counts = new Map(stats?.data.apps.map(({ id, now }) => [id, now.connections]))
  return apps.map((app) => ({ ...app, connections: counts.get(String(app.id)) }))
}

/** Where a click on an app leads. */
const pageOf = ({ slug }: AppView): string => href(['apps', slug, 'connect'])

const COLUMNS: readonly Column<Listed>[] = [
  {
    title: 'Name',
    width: 'minmax(5rem, 2fr)',
    cell: (app) => <a href={pageOf(app)}>{app.name}</a>,
  },
  {
    title: 'Slug',
    width: 'minmax(8rem, 1fr)',
    isWide: true,
    cell: ({ slug }) => <code>{slug}</code>,
  },
  { title: 'Id', width: 'minmax(6rem, 1fr)', isWide: true, cell: ({ id }) => <code>{id}</code> },
  {
    title: 'Created',
    width: 'minmax(10rem, 1fr)',
    isWide: true,
    cell: ({ created_at: at, provided_by: by }) =>
      at === null ? (
        <span class="hint" title={`by ${by}`}>
          provided
        </span>
      ) : (
        <Time at={at} />
      ),
  },
  { title: 'State', width: 'minmax(5rem, 9rem)', cell: (app) => <State app={app} /> },
]

const CONNECTIONS: Column<Listed> = {
  title: 'Connections',
  width: '6rem',
  isNumber: true,
  cell: ({ connections }) => connections !== undefined && <Num value={connections} unit="" />,
}

export function State({ app }: { readonly app: AppView }) {
  if (!app.active) return <span class="tag bad">disabled</span>
  return <span class="tag good">active</span>
}

export function AppsPage() {
  const session = useSession()
  const seesNumbers = may(session, 'read')
  const loaded = useLoaded(() => loadListed(seesNumbers), [seesNumbers], { everyMs: EVERY_MS })
  const [search, setSearch] = useState('')
  const [isCreating, setCreating] = useState(false)
  const create = may(session, 'create_app') && (
    <Button look="primary" onClick={() => setCreating(true)}>
      New app
    </Button>
  )
  return (
    <Page title="Apps" actions={create}>
      <Show of={loaded}>
        {(apps) =>
          apps.length === 0 ? (
            <Empty title="There is no app yet">
              <p>An app has a key for its clients and a secret for its servers.</p>
              {create}
            </Empty>
          ) : (
            <>
              <input
                type="search"
                aria-label="Search apps"
                placeholder={`Search ${apps.length} by name, slug, id or key`}
                value={search}
                onInput={({ currentTarget }) => setSearch(currentTarget.value)}
              />
              <Rows
                label="Apps"
                items={apps.filter((app) => isFound(app, search))}
                columns={seesNumbers ? [...COLUMNS, CONNECTIONS] : COLUMNS}
                keyOf={({ id }) => String(id)}
                onOpen={(app) => navigate(pageOf(app))}
              >
                <Empty title="No app has that in its name, slug, id or key">
                  <Button onClick={() => setSearch('')}>Show all</Button>
                </Empty>
              </Rows>
            </>
          )
        }
      </Show>
      {isCreating && <CreateApp onClose={() => setCreating(false)} />}
    </Page>
  )
}

function isFound({ id, name, slug, keys }: AppView, search: string): boolean {
  const wanted = search.trim().toLowerCase()
  return [String(id), name, slug, ...keys.map(({ key }) => key)].some((text) =>
    text.toLowerCase().includes(wanted),
  )
}
