/** `carillon nodes`: the servers that are one over Redis, as one of them knows them. */
import { SERVER_OPTIONS, type CommandRow } from './command'
import { dataOf } from './client'
import { showDuration, showTime } from './times'

type Node = {
  readonly name: string
  readonly host: string
  readonly port: number | null
  readonly version: string
  readonly asked: boolean
  readonly ready: boolean
  /** A server of an earlier version has none. */
  readonly state?: string
  readonly started_at: number
  readonly connections: number
  readonly differences: readonly { readonly what: string }[]
  readonly warnings?: readonly string[]
  readonly redis: { readonly seen_ms: number; readonly lag_ms: number | null } | null
}

export const NODES: CommandRow = {
  name: 'nodes',
  about: 'list the servers that are one over Redis',
  details:
    'The one that answers first. A server alone is a list of one. What differs between them, and should not, is below.',
  options: SERVER_OPTIONS,
  examples: [
    ['nodes', 'name, place, version, connections and state of each'],
    ['nodes --json | jq "map(.connections) | add"', 'the connections of all'],
  ],
  run: async (_given, { client, terminal }) => {
    const nodes = dataOf<readonly Node[]>(await client.admin('/nodes'))
    if (terminal.isJson) return terminal.json(nodes)
    terminal.table(
      TITLES.map((title) => ({ title })),
      nodes.map((node) => [
        node.name,
        node.port === null ? node.host : `${node.host}:${node.port}`,
        node.version,
        showTime(node.started_at),
        node.connections,
        node.redis?.lag_ms == null ? '-' : `${node.redis.lag_ms} ms`,
        stateOf(node),
      ]),
      'no nodes',
    )
  },
}

const TITLES = ['NAME', 'PLACE', 'VERSION', 'SINCE', 'CONNECTIONS', 'LAG', 'STATE']

/** What is wrong with it, or that nothing is. */
function stateOf({ ready, state, redis, differences, warnings = [] }: Node): string {
  if (state === 'unknown') return `unknown: not heard of for ${showDuration(redis?.seen_ms ?? 0)}`
  const what = differences.map((each) => each.what).join(', ')
  return [ready ? 'ready' : 'not ready', ...(what ? [`differs: ${what}`] : []), ...warnings].join(
    '; ',
  )
}
