/** The busiest apps as rows: what each does now, and the course of its last hour. */
import { api } from '../api'
import { formatNumber } from '../format'
import { href } from '../router'
import { useLoaded } from '../use'
import { Empty, Num, Show } from '../ui/ui'
import { quietly } from './course'
import { Sparkline } from './sparkline'

type Row = {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly now: { readonly connections: number; readonly webhook_events_pending: number }
  readonly per_second: { readonly events: number; readonly deliveries: number } | null
  readonly minutes: Readonly<Record<'connections' | 'events' | 'deliveries', readonly number[]>>
}
type Answer = {
  readonly data: { readonly count: number; readonly nodes?: number; readonly apps: readonly Row[] }
}

const EVERY_MS = 10_000
const SHOWN = 20

export function AppsTable() {
  const path = `api/admin/stats/apps?limit=${SHOWN}`
  const loaded = useLoaded(() => api<Answer>('GET', path), [], { everyMs: EVERY_MS })
  return (
    <section class="apps-now" aria-label="The busiest apps">
      <h2>Apps</h2>
      <Show of={quietly(loaded)}>
        {({ data: { apps, count, nodes = 1 } }) =>
          apps.length === 0 ? (
            <Empty title="There is no app yet">
              <p>
                <a href={href(['apps'])}>Create one</a>: a name is enough.
              </p>
            </Empty>
          ) : (
            <>
              <Table apps={apps} isOfAll={nodes > 1} />
              {nodes > 1 && (
                <p class="hint">
                  Connections and webhooks are those of all {nodes} nodes; courses and rates are
                  those of the one that answers.
                </p>
              )}
              {count > apps.length && (
                <p class="hint">
                  The {apps.length} busiest of {formatNumber(count)}.{' '}
                  <a href={href(['apps'])}>All apps</a>
                </p>
              )}
            </>
          )
        }
      </Show>
    </section>
  )
}

type TableProps = {
  readonly apps: readonly Row[]
  /** The numbers of now are those of all nodes: they are no part of a course. */
  readonly isOfAll: boolean
}

const Table = ({ apps, isOfAll }: TableProps) => (
  <div class="apps-frame">
    <table>
      <thead>
        <tr>
          <th scope="col">App</th>
          <th scope="col" class="number">
            Connections
          </th>
          <th scope="col" class="number">
            Events in
          </th>
          <th scope="col" class="number">
            Deliveries
          </th>
          <th scope="col" class="number">
            Webhooks
          </th>
        </tr>
      </thead>
      <tbody>
        {apps.map(({ id, name, slug, now, per_second: rates, minutes }) => (
          <tr key={id}>
            <th scope="row">
              <a href={href(['apps', slug])}>{name}</a>
            </th>
            <td class="number">
              <Sparkline
                values={isOfAll ? minutes.connections : [...minutes.connections, now.connections]}
                line={1}
              />
              <Num value={now.connections} unit="" />
            </td>
            <Rate value={rates?.events} course={minutes.events} line={2} />
            <Rate value={rates?.deliveries} course={minutes.deliveries} line={3} />
            <td class="number">
              <Num value={now.webhook_events_pending} unit="waiting" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

type RateProps = {
  readonly value: number | undefined
  readonly course: readonly number[]
  readonly line: 2 | 3
}

/** Undefined where statistics are off, or have just begun. */
const Rate = ({ value, course, line }: RateProps) => (
  <td class="number">
    <Sparkline values={value === undefined ? course : [...course, value]} line={line} />
    {value === undefined ? '–' : <Num value={value} unit="/s" />}
  </td>
)
