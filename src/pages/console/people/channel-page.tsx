/** One channel: its kind in words, who is in it, what it keeps, and what happens there. */
import './people.css'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { loadApp, type AppView } from '../apps/app'
import { Status } from '../live/bar'
import { Detail } from '../live/detail'
import { NO_FILTER } from '../live/filter'
import type { KindName } from '../live/kinds'
import { LiveList } from '../live/list'
import type { LiveRow } from '../live/row'
import { useLive, type Live } from '../live/use-live'
import { PUBLIC, ROOT } from '../place'
import { href, type PageProps } from '../router'
import { useLoaded } from '../use'
import { Copy, Empty, Num, Page, Show } from '../ui/ui'
import { ConnectionList } from './connection-list'
import { loadChannel, loadConnections } from './data'
import { History } from './history'
import { channelsHref, connectionsHref } from './links'
import { Members } from './members'
import { describeChannel, prettify } from './words'

const EVERY_MS = 4000
/** A crowd that comes and goes is read at most so often. */
const PAUSE_MS = 1000
/** What changes who is in the channel. */
const MOVES: ReadonlySet<string> = new Set<KindName>([
  'subscribed',
  'unsubscribed',
  'member_added',
  'member_removed',
])
const SHOWN_CONNECTIONS = 50

export function ChannelPage({ params, query }: PageProps) {
  const slug = params['slug']!
  const channel = params['channel']!
  const app = useLoaded(() => loadApp(slug), [slug])
  const { kind, about } = describeChannel(channel)
  return (
    <Page title={<span class="people-name">{channel}</span>} name={`${channel} · ${slug}`}>
      <nav class="people-way" aria-label="Where this is">
        <a href={channelsHref(slug)}>Channels</a> / <span class="tag">{kind}</span>{' '}
        <Copy text={channel} label="Copy the name of the channel" />
      </nav>
      <p class="people-about">{about}</p>
      <Show of={app}>
        {(value) => (
          <Channel slug={slug} app={value} channel={channel} at={query.get('at') ?? undefined} />
        )}
      </Show>
    </Page>
  )
}

type ChannelProps = {
  readonly slug: string
  readonly app: AppView
  readonly channel: string
  /** The position in its history to begin at. */
  readonly at: string | undefined
}

function Channel({ slug, app, channel, at }: ChannelProps) {
  const appId = String(app.id)
  const { isPresence } = describeChannel(channel)
  const shown = useMemo(() => ({ ...NO_FILTER, channel }), [channel])
  const live = useLive({ slug, kinds: undefined, channel, shown })
  const rows = live.log.visible.filter((row) => row.channel === channel)
  // That somebody comes or goes is in the stream; who it is, and how many, the API knows.
  const turn = useThrottled(rows.find(({ kind }) => MOVES.has(kind))?.id ?? 0, PAUSE_MS)
  const events = useThrottled(rows.find(({ kind }) => kind === 'published')?.id ?? 0, PAUSE_MS)
  return (
    <>
      <Numbers appId={appId} channel={channel} turn={Math.max(turn, events)} />
      <div class="people-panes">
        {isPresence && <Members appId={appId} channel={channel} turn={turn} />}
        <Connections slug={slug} channel={channel} turn={turn} isBrief={isPresence} />
      </div>
      <History slug={slug} appId={appId} channel={channel} at={at} turn={events} />
      <Happening slug={slug} app={app} channel={channel} live={live} rows={rows} />
    </>
  )
}

/** The latest value, at most once in so long. */
function useThrottled<T>(value: T, ms: number): T {
  const [shown, setShown] = useState(value)
  const latest = useRef(value)
  latest.current = value
  useEffect(() => {
    if (shown === value) return undefined
    const timer = setTimeout(() => setShown(() => latest.current), ms)
    return () => clearTimeout(timer)
  }, [shown === value])
  return shown
}

type PartProps = { readonly channel: string; readonly turn: number }

/** Loads anew when something has happened, without going back to nothing. */
function useFresh(loaded: { readonly state: string; readonly reload?: () => void }, turn: number) {
  useEffect(() => {
    if (turn > 0) loaded.reload?.()
  }, [turn])
}

function Numbers({ appId, channel, turn }: PartProps & { readonly appId: string }) {
  const { isPresence, isCache } = describeChannel(channel)
  const info = [
    'subscription_count',
    ...(isPresence ? ['user_count'] : []),
    ...(isCache ? ['cache'] : []),
  ]
  const loaded = useLoaded(() => loadChannel(appId, channel, info), [appId, channel], {
    everyMs: EVERY_MS,
  })
  useFresh(loaded, turn)
  return (
    <Show of={loaded}>
      {({ subscription_count: count, user_count: users, cache }) => (
        <>
          <p class="people-numbers">
            <span>
              <Num value={count} unit={count === 1 ? 'subscriber' : 'subscribers'} />
            </span>
            {users !== undefined && (
              <span>
                <Num value={users} unit={users === 1 ? 'user' : 'users'} />
              </span>
            )}
          </p>
          {cache !== undefined && (
            <section class="card" aria-labelledby="cache">
              <h2 id="cache">The last event</h2>
              {cache === null ? (
                <p class="hint">None is kept: who subscribes now gets a cache miss.</p>
              ) : (
                <>
                  <p class="hint">
                    Whoever subscribes in the next <Num value={cache.ttl} unit="s" /> gets it.
                  </p>
                  <pre tabIndex={0} aria-label="Data of the last event">
                    {prettify(cache.data)}
                  </pre>
                </>
              )}
            </section>
          )}
        </>
      )}
    </Show>
  )
}

type ConnectionsProps = PartProps & { readonly slug: string; readonly isBrief: boolean }

function Connections({ slug, channel, turn, isBrief }: ConnectionsProps) {
  const load = () => loadConnections(slug, { channel }, undefined, SHOWN_CONNECTIONS)
  const loaded = useLoaded(load, [slug, channel], { everyMs: EVERY_MS })
  useFresh(loaded, turn)
  return (
    <section class="people-part" aria-labelledby="connections">
      <h2 id="connections">
        Connections <a href={connectionsHref(slug, { channel })}>all of them</a>
      </h2>
      <Show of={loaded}>
        {({ items }) => (
          <ConnectionList slug={slug} items={items} isBrief={isBrief}>
            <Empty title="Nobody is subscribed">
              <p>
                <a href={href(['apps', slug, 'connect'])}>Connect a client</a> that subscribes to
                it.
              </p>
            </Empty>
          </ConnectionList>
        )}
      </Show>
    </section>
  )
}

type HappeningProps = {
  readonly slug: string
  readonly app: AppView
  readonly channel: string
  readonly live: Live
  readonly rows: readonly LiveRow[]
}

function Happening({ slug, app, channel, live, rows }: HappeningProps) {
  const [open, setOpen] = useState<LiveRow>()
  const place = { slug, key: app.key, publicUrl: PUBLIC.href, adminUrl: ROOT.href }
  return (
    <section class="live people-part" aria-labelledby="live">
      <h2 id="live">
        What happens here <a href={href(['apps', slug, 'creator'], { channel })}>send an event</a>
      </h2>
      <Status live={live} />
      <LiveList
        label={`What happens in ${channel}`}
        rows={rows}
        open={open}
        onOpen={(row) => setOpen(row.id === open?.id ? undefined : row)}
        isOneChannel
      >
        <Empty title="Nothing since this page is open" />
      </LiveList>
      {open && <Detail row={open} place={place} onClose={() => setOpen(undefined)} />}
    </section>
  )
}
