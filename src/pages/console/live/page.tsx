/** Live: what happens in an app, as it happens; filtered, held, opened. */
import './live.css'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { api } from '../api'
import { formatNumber } from '../format'
import { adminPath, PUBLIC, ROOT } from '../place'
import { href, replaceRoute, type PageProps } from '../router'
import { useLoaded } from '../use'
import { Button, Empty, Page, Show } from '../ui/ui'
import { Detail } from './detail'
import { isFiltering, NO_FILTER, readFilter, writeFilter, type Filter } from './filter'
import { Filters, Status } from './bar'
import { KIND_NAMES } from './kinds'
import { LiveList } from './list'
import type { LiveRow } from './row'
import { useKeys, useLater } from './use-input'
import { useLive } from './use-live'

type AppAnswer = { readonly data: { readonly slug: string; readonly key: string } }

export function LivePage({ params, query }: PageProps) {
  const slug = params['slug']!
  const app = useLoaded(() => api<AppAnswer>('GET', adminPath(slug)), [slug])
  return (
    <Page title="Live" name={`Live · ${slug}`}>
      <Show of={app}>
        {({ data }) => <Console slug={slug} appKey={data.key} first={readFilter(query)} />}
      </Show>
    </Page>
  )
}

/** Whoever types a channel gets its stream when they pause. */
const TYPING_MS = 300

type ConsoleProps = { readonly slug: string; readonly appKey: string; readonly first: Filter }

function Console({ slug, appKey, first }: ConsoleProps) {
  const [filter, setFilter] = useState(first)
  const channel = useLater(filter.channel, TYPING_MS)
  const [isPaused, setPaused] = useState(false)
  const [isAway, setAway] = useState(false)
  const [open, setOpen] = useState<LiveRow>()
  const [turn, setTurn] = useState(0)
  const kinds = filter.kinds.size === KIND_NAMES.length ? undefined : [...filter.kinds]
  const shown = useMemo(() => ({ ...filter, text: filter.text.toLowerCase() }), [filter])
  const live = useLive({ slug, kinds, channel, shown })
  const { log } = live
  useEffect(() => replaceRoute(href(['apps', slug, 'live'], writeFilter(filter))), [filter])
  const isHeld = isPaused || isAway || open !== undefined
  useEffect(() => {
    log.isHeld = isHeld
    if (!isHeld) log.release()
    live.refresh()
  }, [isHeld])
  const toTop = () => {
    setPaused(false)
    setOpen(undefined)
    setTurn(turn + 1)
    log.release()
  }
  const clear = () => {
    log.clear()
    setOpen(undefined)
    setTurn(turn + 1)
  }
  const pause = () => (isHeld ? toTop() : setPaused(true))
  useKeys({ onPause: pause, onClose: () => setOpen(undefined) })
  const place = { slug, key: appKey, publicUrl: PUBLIC.href, adminUrl: ROOT.href }
  return (
    <div class="live">
      <Filters filter={filter} onChange={setFilter} />
      <div class="live-bar">
        <Status live={live} />
        <div class="actions">
          <Button isPressed={isHeld} onClick={pause} title="Space">
            {isHeld ? 'Resume' : 'Pause'}
          </Button>
          <Button onClick={clear}>Clear</Button>
        </div>
      </div>
      <div class={`live-panes ${open ? 'has-detail' : ''}`}>
        <div class="live-list">
          <LiveList
            label={`What happens in ${slug}`}
            rows={log.visible}
            open={open}
            onOpen={(row) => setOpen(row.id === open?.id ? undefined : row)}
            onMove={(row) => open && setOpen(row)}
            onAway={setAway}
            turn={turn}
          >
            <Nothing slug={slug} filter={filter} onAll={() => setFilter(NO_FILTER)} />
          </LiveList>
          {isHeld && log.waitingCount > 0 && (
            <button type="button" class="button primary live-new" onClick={toTop}>
              {formatNumber(log.waitingCount)} new {log.waitingCount === 1 ? 'row' : 'rows'}
            </button>
          )}
        </div>
        {open && <Detail row={open} place={place} onClose={() => setOpen(undefined)} />}
      </div>
    </div>
  )
}

type NothingProps = {
  readonly slug: string
  readonly filter: Filter
  readonly onAll: () => void
}

function Nothing({ slug, filter, onAll }: NothingProps) {
  if (isFiltering(filter))
    return (
      <Empty title="Nothing of this kind yet">
        <p>Rows come as it happens. Only some are shown.</p>
        <Button onClick={onAll}>Show all</Button>
      </Empty>
    )
  return (
    <Empty title="Nothing since this page was opened">
      <p>
        Connections, subscriptions, events, refusals and webhooks appear here as they happen.{' '}
        <a href={href(['apps', slug, 'creator'])}>Send an event</a>, or{' '}
        <a href={href(['apps', slug, 'connect'])}>connect a client</a>. Was one refused? Let it try
        again.
      </p>
    </Empty>
  )
}
