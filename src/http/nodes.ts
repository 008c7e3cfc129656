/** The route that tells which nodes there are: servers that are one, over Redis. One alone is a list of one. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Core } from '../core/core'
import type { NodeLink, NodeReport } from '../core/node-report'
import type { AdminChanges } from './admin-changes'
import { count, objectSchema } from './schemas'

const orNull = <Schema extends ReturnType<typeof Type.Number>>(
  schema: Schema,
  description: string,
) => Type.Union([schema, Type.Null()], { description })

const Difference = Type.Object({
  what: Type.String({ description: 'A setting, a plugin, an app' }),
  here: Type.String({ description: 'What the node that was asked has; of what is secret a hash' }),
  there: Type.String(),
})

const Redis = Type.Object({
  reads: count('The newest version of messages between nodes that it reads'),
  writes: count('The version that all nodes write: the newest that all read'),
  seen_ms: Type.Number({
    description: 'How long ago it was heard of; nodes say it every two seconds',
  }),
  lag_ms: orNull(Type.Number(), 'What its last round trip to Redis took; null before the first'),
  bus_lag_ms: orNull(
    Type.Number(),
    'What a message by Redis to itself took; null before the first',
  ),
  deaf_ms: Type.Number({
    description: 'How long it has heard nothing of the others, all together',
  }),
  deaf_channels: count('Channels in which that, or a missing message, has left something unknown'),
  refused_messages: count('Messages that were none, or impossible where they stood'),
  gaps: count('Times that it missed a message of a channel, and fetched the channel anew'),
  overflows: count('Times that messages of a channel did not fit behind what was fetched'),
  facts_dropped: count('Facts for webhooks that were dropped, since too many waited in Redis'),
})

const NodesAnswer = objectSchema(
  {
    data: Type.Array(
      Type.Object({
        id: Type.String({ description: 'Another one after each start' }),
        name: Type.String({ description: '`CARILLON_NODE_NAME`, or the host name' }),
        worker: orNull(Type.Number(), 'Its number, where `CARILLON_WORKERS` made it'),
        host: Type.String({ description: 'Where it listens, as its `HOST` says' }),
        port: orNull(Type.Number(), 'Null before it listens, and for a socket file'),
        version: Type.String({ description: 'Of Carillon' }),
        asked: Type.Boolean({ description: 'True for the one that answers' }),
        ready: Type.Boolean({
          description: 'Its `/ready` is green; false where that is not known',
        }),
        state: Type.String({
          description:
            '`ready`, `not_ready`, or `unknown`: it was not heard of for `seen_ms`, and everything else is what it said then',
          examples: ['ready'],
        }),
        started_at: Type.Integer({ description: 'In milliseconds since 1970' }),
        connections: count('Open connections'),
        subscriptions: count('Subscriptions of those to channels'),
        differences: Type.Array(Difference, {
          description: 'What is not as on the node that was asked, and should be',
        }),
        warnings: Type.Array(Type.String(), {
          description:
            'What should be otherwise: its name is that of another one, or its Redis may forget',
        }),
        redis: Type.Union([Redis, Type.Null()], { description: 'Null where there is one node' }),
      }),
    ),
  },
  {
    data: [
      {
        id: '5f2c9a440d0b',
        name: 'push-1',
        worker: null,
        host: '0.0.0.0',
        port: 6001,
        version: '0.0.9',
        asked: true,
        ready: true,
        state: 'ready',
        started_at: 1_700_000_000_000,
        connections: 7,
        subscriptions: 12,
        differences: [],
        warnings: [],
        redis: {
          reads: 1,
          writes: 1,
          seen_ms: 0,
          lag_ms: 0.4,
          bus_lag_ms: 0.5,
          deaf_ms: 0,
          deaf_channels: 0,
          refused_messages: 0,
          gaps: 0,
          overflows: 0,
          facts_dropped: 0,
        },
      },
    ],
  },
)

type Answer = { readonly set: { readonly headers: Record<string, unknown> } }

/** A hook for routes whose answers are about the node that gives them: says which of several that is. */
export const sayNodeOf =
  ({ engine, about }: Core) =>
  ({ set }: Answer): void => {
    if (engine.isShared) set.headers['x-carillon-node'] = about.name
  }

export function nodes({ engine }: Core, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/nodes', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .get('', () => ({ data: engine.nodes().map(resourceOf) }), {
      response: { 200: NodesAnswer },
      detail: {
        operationId: 'listNodes',
        summary: 'List the nodes: the servers that are one',
        description: 'The one that answers first. What others say is two seconds old at most.',
      },
    })
}

const resourceOf = ({
  isOwn,
  isReady,
  isHeard,
  hasNamesake,
  startedAt,
  worker,
  port,
  link,
  ...node
}: NodeReport) => ({
  ...node,
  worker: worker ?? null,
  port: port ?? null,
  asked: isOwn,
  ready: isHeard && isReady,
  state: isHeard ? (isReady ? 'ready' : 'not_ready') : 'unknown',
  started_at: Math.round(startedAt),
  differences: [...(link?.differences ?? [])],
  warnings: [
    ...(hasNamesake ? ['another node has this name at the same time'] : []),
    ...(link?.warnings ?? []).map((text) => `Redis: ${text}`),
  ],
  redis: link ? redisOf(link) : null,
})

const redisOf = ({ reads, writes, gaps, overflows, ...link }: NodeLink) => ({
  reads,
  writes,
  seen_ms: round(link.seenMs),
  lag_ms: roundOrNull(link.lagMs),
  bus_lag_ms: roundOrNull(link.busLagMs),
  deaf_ms: round(link.deafMs),
  deaf_channels: link.deafChannels,
  refused_messages: link.refusedMessages,
  gaps,
  overflows,
  facts_dropped: link.factsDropped,
})

const round = (ms: number): number => Math.round(ms * 100) / 100
const roundOrNull = (ms: number | undefined): number | null => (ms === undefined ? null : round(ms))
