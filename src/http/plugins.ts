/** Reports on plugins: calls, refusals, faults and time by hook and of their routes, and the plugin's own counters and gauges. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { CompiledHooks } from '../core/hooks'
import { HOOKS } from '../core/plugin'
import type { AdminChanges } from './admin-changes'
import type { PluginRoutes } from './plugin-routes'
import { count, objectSchema } from './schemas'

type Named = { readonly name: string; readonly about: string }

/** What the API uses of a plugin. */
export type RunningPlugin = {
  readonly name: string
  /** The JSON schema of its settings of an app. */
  readonly settings: object | undefined
  readonly routes: PluginRoutes
  readonly numbers: {
    readonly counters: readonly (Named & {
      readonly labels?: Readonly<Record<string, string>>
      readonly count: number
    })[]
    /** Null for one that could not be read. */
    readGauges(): readonly (Named & { readonly value: number | null })[]
  }
}

const EXAMPLE = {
  name: 'my-plugin',
  hooks: [{ name: 'upgrade', kind: 'gate', calls: 7, refusals: 1, faults: 0, busy_ms: 0.2 }],
  counters: [
    { name: 'refused', about: 'tokens that were refused', labels: { reason: 'expired' }, count: 1 },
  ],
  gauges: [{ name: 'addresses', about: 'addresses in memory', value: 7 }],
  settings: null,
}

const PluginsAnswer = objectSchema(
  {
    data: Type.Array(
      Type.Object({
        name: Type.String({ examples: ['my-plugin'] }),
        hooks: Type.Array(
          Type.Object({
            name: Type.String({ examples: ['upgrade'] }),
            kind: Type.String({ examples: ['gate'] }),
            calls: count('How often it was asked'),
            refusals: count('How often it refused'),
            faults: count('How often it threw, was late, or answered what it may not'),
            busy_ms: Type.Number({ description: 'Milliseconds in which nothing else could run' }),
          }),
        ),
        counters: Type.Array(
          Type.Object({
            name: Type.String(),
            about: Type.String(),
            labels: Type.Optional(
              Type.Record(Type.String(), Type.String(), {
                description: 'Of a counter with labels, which has an entry for each combination',
              }),
            ),
            count: Type.Number(),
          }),
        ),
        gauges: Type.Array(
          Type.Object({
            name: Type.String(),
            about: Type.String(),
            value: Type.Union([Type.Number(), Type.Null()], {
              description: 'Read now; null where that failed, which is in the log',
            }),
          }),
        ),
        settings: Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], {
          description: 'JSON schema of its settings of an app; null where it takes none',
        }),
      }),
    ),
  },
  { data: [EXAMPLE] },
)

export function pluginReports(
  hooks: CompiledHooks,
  plugins: readonly RunningPlugin[],
  changes: AdminChanges,
) {
  const all = Object.values(hooks).flat()
  return new Elysia({ prefix: '/api/admin/plugins', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .get(
      '',
      () => ({
        data: plugins.map(({ name: plugin, settings, routes, numbers }) => ({
          name: plugin,
          hooks: [
            ...all
              .filter((hook) => hook.plugin === plugin)
              .map(({ name, stats }) => reportOf(name, HOOKS[name].kind, stats)),
            ...(routes.reachable.length > 0 ? [reportOf('routes', 'routes', routes.stats)] : []),
          ],
          counters: [...numbers.counters],
          gauges: [...numbers.readGauges()],
          settings: settings ?? null,
        })),
      }),
      {
        response: PluginsAnswer,
        detail: {
          operationId: 'listPlugins',
          summary: 'List the plugins, and what each of their hooks has done',
          description: 'Since the start of the process, in the order in which they are asked.',
        },
      },
    )
}

const reportOf = (name: string, kind: string, { busyMs, ...stats }: PluginRoutes['stats']) => ({
  name,
  kind,
  ...stats,
  busy_ms: Math.round(busyMs * 1000) / 1000,
})
