/** Which node has what of the numbers above. Of one alone nothing is shown. */
import { formatDuration } from '../format'
import { Num } from '../ui/ui'

/** What one node has; `now` is null where that is not known. */
export type Share = {
  readonly id: string
  readonly name: string
  readonly asked: boolean
  readonly age_ms: number
  readonly now: Readonly<Record<string, number | null>> | null
}

const COLUMNS: readonly (readonly [title: string, name: string, look: string])[] = [
  ['Connections', 'connections', ''],
  ['Channels', 'channels', ''],
  ['Subscriptions', 'subscriptions', 'rest'],
  ['Users', 'users', 'rest'],
  ['Webhooks', 'webhook_events_pending', ''],
]

export function Split({ nodes }: { readonly nodes: readonly Share[] }) {
  if (nodes.length < 2) return null
  const unknown = nodes.filter(({ now }) => now === null)
  return (
    <section class="apps-now nodes" aria-label="By node">
      <div class="apps-frame">
        <table>
          <thead>
            <tr>
              <th scope="col">Node</th>
              {COLUMNS.map(([title, name, look]) => (
                <th key={name} scope="col" class={`number ${look}`}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <Row key={node.id} node={node} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint">
        The numbers above are the sum
        {unknown.length > 0 && `, without ${unknown.map(({ name }) => name).join(', ')}`}. Plots are
        those of {nodes.find(({ asked }) => asked)?.name}, which answers.
      </p>
    </section>
  )
}

function Row({ node: { name, asked, age_ms: age, now } }: { readonly node: Share }) {
  return (
    <tr>
      <th scope="row">
        {name}{' '}
        <small class="hint">
          {asked && 'this one'}
          {!now && `not known, heard of ${formatDuration(age)} ago`}
        </small>
      </th>
      {COLUMNS.map(([, name, look]) => (
        <td key={name} class={`number ${look}`}>
          {now ? <Num value={now[name] ?? 0} unit="" /> : '–'}
        </td>
      ))}
    </tr>
  )
}
