/** Overview: what is wrong, what happens now and what has happened, of the server or of one app. */
import './overview.css'
import { api } from '../api'
import { adminPath } from '../place'
import type { PageProps } from '../router'
import { may, useSession } from '../session'
import { useLoaded } from '../use'
import { Page, Show } from '../ui/ui'
import { AppsTable } from './apps-table'
import { rangeIn } from './course'
import { Nodes } from './nodes'
import { Plots } from './plots'
import { Problems } from './problems'

/** Who sees some apps only sees no numbers of the server. */
export function OverviewPage({ query }: PageProps) {
  const session = useSession()
  return (
    <Page title="Overview">
      <Problems />
      {may(session, 'read') && <Nodes />}
      {may(session, 'read') && (
        <Plots of="server" path="api/admin/stats" place={['overview']} range={rangeIn(query)} />
      )}
      <AppsTable />
    </Page>
  )
}

type AppAnswer = { readonly data: { readonly name: string; readonly slug: string } }

export function AppOverviewPage({ params, query }: PageProps) {
  const slug = params['slug']!
  const app = useLoaded(() => api<AppAnswer>('GET', adminPath(slug)), [slug])
  return (
    <Page title={app.state === 'loaded' ? app.value.data.name : slug} name={`Overview · ${slug}`}>
      <Show of={app}>
        {() => (
          <>
            <Problems slug={slug} />
            <Plots
              of="app"
              path={adminPath(slug, 'stats')}
              place={['apps', slug]}
              range={rangeIn(query)}
            />
          </>
        )}
      </Show>
    </Page>
  )
}
