/** All plots of the server or of an app: a range to choose, one zoom and one cursor for all. */
import { useState } from 'preact/hooks'
import { formatDuration, formatTime } from '../format'
import { href } from '../router'
import { Button, Num, Show, Tabs, Time } from '../ui/ui'
import { CHARTS, type Chart } from './charts'
import { quietly, RANGES, useStats, type RangeName, type Stats } from './course'
import { Plot } from './plot'
import { Split } from './split'
import type { Zoom } from './plot-options'

type PlotsProps = {
  readonly of: 'server' | 'app'
  /** Of the statistics. */
  readonly path: string
  /** The address of the page, which has the range. */
  readonly place: readonly string[]
  readonly range: RangeName
}

const BEGINS_MS = 30_000

export function Plots({ of, path, place, range }: PlotsProps) {
  const loaded = useStats(path, range)
  const tabs = Object.entries(RANGES).map(([name, { title }]) => ({
    title,
    href: href(place, { range: name }),
    isCurrent: name === range,
  }))
  return (
    <>
      <Tabs label="How far back" tabs={tabs} />
      <Show of={quietly(loaded)}>
        {(stats) => (
          <>
            <Facts stats={stats} />
            <Split nodes={stats.nodes} />
            {stats.course.points.length === 0 ? (
              <NoCourse stats={stats} range={range} />
            ) : (
              <Grid
                key={range}
                range={range}
                charts={CHARTS.filter((chart) => isOf(chart, of))}
                stats={stats}
              />
            )}
          </>
        )}
      </Show>
    </>
  )
}

const isOf = (chart: Chart, of: PlotsProps['of']): boolean => chart.of === 'both' || chart.of === of

type GridProps = {
  readonly range: RangeName
  readonly charts: readonly Chart[]
  readonly stats: Stats
}

function Grid({ range, charts, stats: { course } }: GridProps) {
  const [zoom, setZoom] = useState<Zoom>()
  const { last, lastMs } = RANGES[range]
  return (
    <>
      <div class="zoom">
        {zoom ? (
          <Button onClick={() => setZoom(undefined)}>Show all</Button>
        ) : (
          <Button onClick={() => setZoom({ from: course.to - lastMs, to: course.to })}>
            {last}
          </Button>
        )}
        <span class="hint" role="status">
          {zoom
            ? `${formatTime(zoom.from)} – ${formatTime(zoom.to)}`
            : 'Or drag over a plot; a double click shows all.'}
        </span>
      </div>
      <div class="plots">
        {charts.map((chart) => (
          <Plot key={chart.id} chart={chart} course={course} zoom={zoom} onZoom={setZoom} />
        ))}
      </div>
    </>
  )
}

/** Numbers of this moment. */
function Facts({ stats: { now, at, startedAt } }: { readonly stats: Stats }) {
  const facts: readonly (readonly [title: string, value: number | null | undefined])[] = [
    ['Connections', now['connections']],
    ['Channels', now['channels']],
    ['Subscriptions', now['subscriptions']],
    ['Users signed in', now['users']],
    ['Webhooks waiting', now['webhook_events_pending']],
    ['Given up', now['webhook_events_dead']],
  ]
  return (
    <dl class="facts">
      {facts.map(([title, value]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            <Num value={value ?? 0} unit="" />
          </dd>
        </div>
      ))}
      <div>
        <dt>Runs since</dt>
        <dd class="num">
          <Time at={startedAt} /> <small>{formatDuration(Math.max(0, at - startedAt))}</small>
        </dd>
      </div>
    </dl>
  )
}

type NoCourseProps = { readonly stats: Stats; readonly range: RangeName }

function NoCourse({ stats: { at, startedAt, course }, range }: NoCourseProps) {
  const isNew = at - startedAt < course.stepSeconds * 1000 + BEGINS_MS
  return (
    <div class="empty">
      <h2>{isNew ? 'It begins' : 'Statistics are off'}</h2>
      {isNew ? (
        <p>
          The first point of the {range} is there {formatDuration(course.stepSeconds * 1000)} after
          the start.
        </p>
      ) : (
        <p>
          Set <code>CARILLON_STATISTICS_MAX_ROWS</code> to the rows that the database may keep, or
          leave it out, and restart the server.
        </p>
      )}
    </div>
  )
}
