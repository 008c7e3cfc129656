/** Plugins: what each was asked, refused, broke and cost since the start; its numbers and its settings of an app. */
import { api } from '../api'
import { formatDuration, formatNumber } from '../format'
import { useLoaded } from '../use'
import { Empty, Num, Page, Show } from '../ui/ui'
import './admin.css'

type Hook = {
  readonly name: string
  readonly kind: string
  readonly calls: number
  readonly refusals: number
  readonly faults: number
  /** Milliseconds in which nothing else could run. */
  readonly busy_ms: number
}

type Plugin = {
  readonly name: string
  readonly hooks: readonly Hook[]
  readonly counters: readonly {
    readonly name: string
    readonly about: string
    readonly labels?: Readonly<Record<string, string>>
    readonly count: number
  }[]
  readonly gauges: readonly {
    readonly name: string
    readonly about: string
    /** Null where it could not be read. */
    readonly value: number | null
  }[]
  /** A JSON schema. */
  readonly settings: object | null
}

const loadPlugins = async (): Promise<readonly Plugin[]> =>
  (await api<{ readonly data: readonly Plugin[] }>('GET', 'api/admin/plugins')).data

const EVERY_MS = 5000

export function PluginsPage() {
  const loaded = useLoaded(loadPlugins, [], { everyMs: EVERY_MS })
  return (
    <Page title="Plugins">
      <Show of={loaded}>
        {(plugins) =>
          plugins.length === 0 ? (
            <Empty title="No plugin is loaded">
              <p>
                Plugins decide who may connect, subscribe and publish. The server's{' '}
                <code>carillon.config.ts</code> names them, and its folder <code>plugins</code> has
                some to begin with.
              </p>
            </Empty>
          ) : (
            <>
              <p class="admin-lead">
                In the order in which they are asked, since this process has started. Cost is time
                in which nothing else could run.
              </p>
              {plugins.map((plugin) => (
                <PluginCard key={plugin.name} plugin={plugin} />
              ))}
            </>
          )
        }
      </Show>
    </Page>
  )
}

function PluginCard({ plugin }: { readonly plugin: Plugin }) {
  const { name, hooks, counters, gauges, settings } = plugin
  const sum = (field: 'calls' | 'refusals' | 'faults' | 'busy_ms'): number =>
    hooks.reduce((total, hook) => total + hook[field], 0)
  const faults = sum('faults')
  return (
    <section class="card plugin" aria-label={name}>
      <header class="page-head">
        <h2>{name}</h2>
        <p class="plugin-totals">
          <Num value={sum('calls')} unit="calls" isShort />
          <Num value={sum('refusals')} unit="refused" isShort />
          <span class={faults > 0 ? 'tag bad' : 'tag good'}>
            {faults > 0 ? `broke ${formatNumber(faults)} times` : 'sound'}
          </span>
        </p>
      </header>
      {hooks.length > 0 ? (
        <Hooks hooks={hooks} />
      ) : (
        <p class="hint">It has no hook and no route.</p>
      )}
      <Numbers counters={counters} gauges={gauges} />
      {settings && (
        <details>
          <summary>Settings that it takes of each app</summary>
          <pre tabIndex={0}>{JSON.stringify(settings, undefined, 2)}</pre>
        </details>
      )}
    </section>
  )
}

const Hooks = ({ hooks }: { readonly hooks: readonly Hook[] }) => (
  <div class="hooks-table" tabIndex={0} role="group" aria-label="Hooks">
    <table>
      <thead>
        <tr>
          <th scope="col">Hook</th>
          <th scope="col" class="number">
            Asked
          </th>
          <th scope="col" class="number">
            Refused
          </th>
          <th scope="col" class="number">
            Broke
          </th>
          <th scope="col" class="number">
            Cost
          </th>
          <th scope="col" class="number">
            Per call
          </th>
        </tr>
      </thead>
      <tbody>
        {hooks.map(({ name, kind, calls, refusals, faults, busy_ms: ms }) => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code> {kind !== name && <span class="hint">{kind}</span>}
            </th>
            <td class="number">
              <Num value={calls} unit="" />
            </td>
            <td class="number">
              <Num value={refusals} unit="" />
            </td>
            <td class={faults > 0 ? 'number error' : 'number'}>
              <Num value={faults} unit="" />
            </td>
            <td class="number">{ms === 0 ? '–' : formatDuration(ms)}</td>
            <td class="number">{ms === 0 ? '–' : `${formatNumber((ms / calls) * 1000)} µs`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

function Numbers({ counters, gauges }: Pick<Plugin, 'counters' | 'gauges'>) {
  const rows = [
    ...gauges.map(({ name, about, value }) => ({ name, about, labels: '', value })),
    ...counters.map(({ name, about, labels = {}, count }) => ({
      name,
      about,
      labels: Object.entries(labels)
        .map(([label, text]) => `${label} ${text}`)
        .join(', '),
      value: count,
    })),
  ]
  if (rows.length === 0) return null
  return (
    <dl class="plugin-numbers">
      {rows.map(({ name, about, labels, value }) => (
        <div key={`${name} ${labels}`} title={name}>
          <dt>
            {about}
            {labels && <span class="hint"> ({labels})</span>}
          </dt>
          <dd>{value === null ? 'not read: see the log' : <Num value={value} unit="" />}</dd>
        </div>
      ))}
    </dl>
  )
}
