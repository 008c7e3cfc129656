/** What the lists of channels, connections and users have in common: their tabs, with how many there are. */
import './people.css'
import type { ComponentChildren } from 'preact'
import { api, type ApiError } from '../api'
import { loadApp } from '../apps/app'
import { formatShort } from '../format'
import { adminPath } from '../place'
import { useLoaded } from '../use'
import { Button, Page, Show, Tabs, Time } from '../ui/ui'
import { channelsHref, connectionsHref, usersHref } from './links'
import { MAX_ROWS, type Paged } from './use-paged'

export const EVERY_MS = 4000

type Now = { readonly channels: number; readonly connections: number; readonly users: number }
type StatsAnswer = { readonly data: { readonly now: Now } }

type FrameProps = {
  readonly slug: string
  readonly current: keyof Now
  /** Gets the app's id. */
  readonly children: (appId: string) => ComponentChildren
}

export function Frame({ slug, current, children }: FrameProps) {
  const app = useLoaded(() => loadApp(slug), [slug])
  const stats = useLoaded(() => api<StatsAnswer>('GET', adminPath(slug, 'stats')), [slug], {
    everyMs: EVERY_MS,
  })
  const now = stats.state === 'loaded' ? stats.value.data.now : undefined
  const tab = (name: keyof Now, title: string, href: string) => ({
    title: now ? `${title} ${formatShort(now[name])}` : title,
    href,
    isCurrent: name === current,
  })
  return (
    <Page title="Channels and people" name={`Channels and people · ${slug}`}>
      <Tabs
        label="Lists"
        tabs={[
          tab('channels', 'Channels', channelsHref(slug)),
          tab('connections', 'Connections', connectionsHref(slug)),
          tab('users', 'Signed-in users', usersHref(slug)),
        ]}
      />
      <Show of={app}>{({ id }) => children(String(id))}</Show>
    </Page>
  )
}

type ListStateProps = {
  readonly of: Paged<unknown>
  /** One of them: `user`. */
  readonly noun: string
  /** Whose they are: ` of this process`. */
  readonly whose?: string
}

/** Below a list: how much of it is there, and whether it follows. */
export function ListState({ of, noun, whose = '' }: ListStateProps) {
  const { first, items, hasMore, isHeld, error, loadMore, restart } = of
  if (first.state !== 'loaded' || items.length === 0) return null
  return (
    <p class="people-state" role="status">
      {`${items.length.toLocaleString('en')} ${noun}${items.length === 1 ? '' : 's'}${whose}${hasMore ? ' so far' : ''}`}
      {isHeld ? (
        <>
          {', as they were at '}
          <Time at={first.at} /> <Button onClick={restart}>Read anew</Button>
        </>
      ) : (
        ', kept fresh'
      )}
      {hasMore && items.length >= MAX_ROWS && '. A filter shows the rest.'}
      {error && <MoreFailed error={error} onRetry={loadMore} />}
    </p>
  )
}

type MoreFailedProps = { readonly error: ApiError; readonly onRetry: () => void }

const MoreFailed = ({ error, onRetry }: MoreFailedProps) => (
  <span class="error">
    {` The next ones cannot be had: ${error.message}. `}
    <Button onClick={onRetry}>Try again</Button>
  </span>
)
