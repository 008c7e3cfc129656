/** The nodes: servers that are one. Of one alone nothing is shown. */
import { api } from '../api'
import { formatAgo, formatDuration } from '../format'
import { useLoaded } from '../use'
import { Num } from '../ui/ui'

type Node = {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly port: number | null
  readonly version: string
  readonly asked: boolean
  /** `ready`, `not_ready` or `unknown`. */
  readonly state: string
  readonly started_at: number
  readonly connections: number
  readonly differences: readonly { readonly what: string }[]
  readonly warnings: readonly string[]
  readonly redis: { readonly lag_ms: number | null; readonly seen_ms: number } | null
}

const EVERY_MS = 10_000

export function Nodes() {
  const loaded = useLoaded(
    () => api<{ readonly data: readonly Node[] }>('GET', 'api/admin/nodes'),
    [],
    { everyMs: EVERY_MS },
  )
  const nodes = loaded.state === 'loaded' ? loaded.value.data : []
  if (nodes.length < 2) return null
  return (
    <section class="apps-now nodes" aria-label="Nodes">
      <h2>Nodes</h2>
      <div class="apps-frame">
        <table>
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Connections
              </th>
              <th scope="col" class="number">
                Lag
              </th>
              <th scope="col" class="rest">
                Version
              </th>
              <th scope="col" class="rest">
                Started
              </th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <Row key={node.id} node={node} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint">Problems and lists are those of the node that answers.</p>
    </section>
  )
}

function Row({ node }: { readonly node: Node }) {
  const { name, host, port, version, asked, state, started_at: startedAt, redis } = node
  return (
    <tr>
      <th scope="row">
        {name}{' '}
        <small class="hint">
          {port === null ? host : `${host}:${port}`}
          {asked && ', this one'}
          {state === 'unknown' && `, not heard of for ${formatDuration(redis?.seen_ms ?? 0)}`}
        </small>
      </th>
      <td>
        <State node={node} />
      </td>
      <td class="number">
        <Num value={node.connections} unit="" />
      </td>
      <td class="number">{redis?.lag_ms == null ? '–' : <Num value={redis.lag_ms} unit="ms" />}</td>
      <td class="rest">{version}</td>
      <td class="rest">{formatAgo(startedAt)}</td>
    </tr>
  )
}

function State({ node: { state, differences, warnings } }: { readonly node: Node }) {
  if (state === 'unknown') return <span class="tag warn">unknown</span>
  if (state !== 'ready') return <span class="tag bad">not ready</span>
  if (differences.length + warnings.length === 0) return <span class="tag good">ready</span>
  const names = [...differences.map(({ what }) => what), ...warnings].join(', ')
  return (
    <span class="tag warn" title={names}>
      {differences.length > 0 ? 'differs' : 'look'}
    </span>
  )
}
