/** The endpoints of an app's webhooks: how they are, what became of the requests to them, and what was given up. */
import './webhooks.css'
import { api } from '../api'
import { href, type PageProps } from '../router'
import { may, useSession } from '../session'
import { Empty, Page, Show } from '../ui/ui'
import { useLoaded } from '../use'
import { EndpointCard } from './endpoint-card'
import { pathOf, type Endpoint } from './endpoint'

const REFRESH_MS = 3000

type Report = { readonly data: { readonly endpoints: readonly Endpoint[] } }

export function WebhooksPage({ params }: PageProps) {
  const slug = params['slug']!
  const load = () => api<Report>('GET', `${pathOf(slug)}/deliveries?dead=0`)
  const loaded = useLoaded(load, [slug], { everyMs: REFRESH_MS })
  return (
    <Page title="Webhooks">
      <Show of={loaded}>
        {({ data: { endpoints } }) =>
          endpoints.length === 0 ? (
            <NoEndpoints slug={slug} />
          ) : (
            <div class="webhooks">
              {endpoints.map((endpoint) => (
                <EndpointCard
                  key={endpoint.id}
                  slug={slug}
                  endpoint={endpoint}
                  onChange={() => loaded.state !== 'loading' && loaded.reload()}
                />
              ))}
            </div>
          )
        }
      </Show>
    </Page>
  )
}

function NoEndpoints({ slug }: { readonly slug: string }) {
  const mayChange = may(useSession(), 'change_app')
  return (
    <Empty title="The app has no endpoints">
      <p>
        An endpoint is a URL of yours. The server tells it by POST what happens in the app: channels
        that are occupied and vacated, members that come and go, client events.
      </p>
      {mayChange && (
        <p>
          <a href={href(['apps', slug, 'settings'])}>Add one in the settings</a>, under Webhooks.
          Then come back and send it a test event.
        </p>
      )}
    </Empty>
  )
}
