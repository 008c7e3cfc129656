/** NODE_PROBLEMS: what may be wrong between servers that are one. Thresholds are those of `ops/alerts.yml`. */
import type { Core } from '../core/core'
import type { NodeReport } from '../core/node-report'
import { duration, some } from './problem-words'
import type { Finding, Moment, ProblemRow } from './problem'

/** A message to itself that takes longer is late for everybody. */
const LATE_MS = 1000
const SHOWN = 3

export const NODE_PROBLEMS: readonly ProblemRow<Moment>[] = [
  {
    code: 'nodes_differ',
    severity: 'warning',
    remedy:
      'Give all nodes the same settings, plugins and apps (docs/scaling.md, "Nodes"), and restart those that differ.',
    test: ({ core }) =>
      core.engine.nodes().flatMap((node): Finding[] => {
        const names = differencesOf(node)
        return names.length === 0
          ? []
          : [{ key: node.id, text: `The node ${node.name} has otherwise: ${shorten(names)}` }]
      }),
  },
  {
    code: 'nodes_of_one_name',
    severity: 'warning',
    remedy:
      'Give each a CARILLON_NODE_NAME of its own: the log, `x-carillon-node` and reports tell nodes apart by it.',
    test: ({ core }) =>
      namesakesOf(core).map(([name, places]): Finding => ({
        key: name,
        text: `Several nodes are called ${name}: ${shorten(places)}`,
      })),
  },
  {
    code: 'nodes_of_versions',
    severity: 'notice',
    remedy: 'Where that is no upgrade under way, bring the others to the newer version.',
    test: ({ core }) => {
      const versions = new Set(core.engine.nodes().map(({ version }) => version))
      if (versions.size < 2) return undefined
      return { text: `Nodes are of several versions: ${[...versions].toSorted().join(', ')}` }
    },
  },
  {
    code: 'redis_may_forget',
    severity: 'critical',
    remedy:
      'Set maxmemory-policy of Redis to noeviction, and give it the memory that it needs (docs/scaling.md, "Redis").',
    test: ({ core }) =>
      warningsOf(core)
        .filter((text) => !isAboutClocks(text))
        .map((text): Finding => ({ key: text, text: `Redis: ${text}` })),
  },
  {
    code: 'clocks_differ',
    severity: 'critical',
    remedy:
      'Have all machines, that of Redis too, keep their clocks by NTP, then restart what shows this still.',
    test: ({ core }) => {
      const [text] = warningsOf(core).filter(isAboutClocks)
      return text === undefined ? undefined : { text: `Redis: ${text}` }
    },
  },
  {
    code: 'node_late',
    severity: 'critical',
    remedy:
      'Look at Redis (its CPU, slow commands, the network to it) and at the CPU of this machine: events reach its clients that late.',
    test: ({ core }) => {
      const { lagMs = 0, busLagMs = 0 } = core.engine.nodes()[0]?.link ?? {}
      const most = Math.max(lagMs, busLagMs)
      return most > LATE_MS ? { text: `Redis has answered after ${duration(most)}` } : undefined
    },
  },
]

/** What Redis should not be like. */
export const warningsOf = ({ engine }: Pick<Core, 'engine'>): readonly string[] =>
  engine.nodes()[0]?.link?.warnings ?? []

const isAboutClocks = (text: string): boolean => text.startsWith('its clock')

/** Names that several nodes have, and where these listen. */
export function namesakesOf({ engine }: Pick<Core, 'engine'>): [name: string, places: string[]][] {
  const all = engine.nodes().filter(({ hasNamesake }) => hasNamesake)
  const byName = Map.groupBy(all, ({ name }) => name)
  return Array.from(byName, ([name, nodes]) => [
    name,
    nodes.map(({ host, port }) => (port === undefined ? host : `${host}:${port}`)),
  ])
}

/** What another node has otherwise, by name. */
export const differencesOf = ({ link }: NodeReport): string[] =>
  link?.differences.map(({ what }) => what) ?? []

const shorten = (names: readonly string[]): string =>
  names.length <= SHOWN
    ? names.join(', ')
    : `${names.slice(0, SHOWN).join(', ')} and ${some(names.length - SHOWN, 'more thing')}`
