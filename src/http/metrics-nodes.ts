/** Metrics of a server that is one of several: how many there are, and how well this one hears the others. */
import type { NodeLink } from '../core/node-report'
import { ofProcess, type MetricRow } from './metric-rows'

type Read = (link: NodeLink) => number | undefined

/** A number of the node that is scraped; no sample where it has no others. */
const ofNode = (kind: 'counter' | 'gauge', name: string, help: string, read: Read): MetricRow =>
  ofProcess(kind, { name: `carillon_${name}`, help }, ({ core }) => {
    const link = core.engine.nodes()[0]?.link
    return link && read(link)
  })

const seconds = (ms: number | undefined): number | undefined => ms && ms / 1000

export const NODE_ROWS: readonly MetricRow[] = [
  ofProcess(
    'gauge',
    { name: 'carillon_nodes', help: 'servers that are one over Redis, with this one' },
    ({ core }) => core.engine.nodes().length,
  ),
  ofProcess(
    'gauge',
    {
      name: 'carillon_node_differences',
      help: 'settings, plugins and apps that another node has otherwise, all together',
    },
    ({ core }) =>
      core.engine.nodes().reduce((sum, { link }) => sum + (link?.differences.length ?? 0), 0),
  ),
  ofNode('gauge', 'node_lag_seconds', 'what the last round trip to Redis took', ({ lagMs }) =>
    seconds(lagMs),
  ),
  ofNode(
    'gauge',
    'node_bus_lag_seconds',
    'what the last message of this node to itself took, by Redis',
    ({ busLagMs }) => seconds(busLagMs),
  ),
  ofNode(
    'counter',
    'node_deaf_seconds_total',
    'seconds in which this node has heard nothing of the others',
    ({ deafMs }) => seconds(deafMs),
  ),
  ofNode(
    'counter',
    'node_deaf_channels_total',
    'channels in which that, or a missing message, has left something unknown',
    ({ deafChannels }) => deafChannels,
  ),
  ofNode(
    'counter',
    'node_messages_refused_total',
    'messages between nodes that were none, or impossible where they stood',
    ({ refusedMessages }) => refusedMessages,
  ),
  ofNode(
    'counter',
    'node_gaps_total',
    'times that a message of a channel was missing, and the channel was fetched anew',
    ({ gaps }) => gaps,
  ),
  ofNode(
    'counter',
    'node_overflows_total',
    'times that messages of a channel did not fit behind what was fetched of it',
    ({ overflows }) => overflows,
  ),
  ofNode(
    'counter',
    'node_facts_dropped_total',
    'facts for webhooks that were dropped, since too many waited in Redis',
    ({ factsDropped }) => factsDropped,
  ),
]
