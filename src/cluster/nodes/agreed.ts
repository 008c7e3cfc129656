/** AGREED: what has to be the same on all nodes, since clients of one reach those of another. */
import type { Config } from '../../config/config'
import { LIMIT_SETTINGS, SETTINGS } from '../../config/config'
import type { LimitName } from '../../core/limits'
import type { NodeDifference } from '../../core/node-report'
import type { ProvidedApp } from '../../core/provided-apps'
import type { NodeCard } from './wire'

/** Settings, besides limits. */
export const AGREED = [
  'cacheTtlSeconds',
  'webhookSettleMs',
  'pathPrefix',
  'pushexApp',
  'activityTimeoutSeconds',
  'pongTimeoutSeconds',
  'heartbeatTimeoutSeconds',
] as const satisfies readonly (keyof typeof SETTINGS)[]

/** Limits of what one process holds: machines differ. */
export const LIMITS_OF_A_NODE: readonly LimitName[] = [
  'maxConnectionsPerAddress',
  'maxSubscriptionsPerAddress',
  'maxRequestsPerAddress',
  'maxLiveStreams',
  'maxPullSessionsPerApp',
  'maxQueuedFrames',
  'maxQueuedBytes',
  'maxUnreadBytes',
  'maxNewChannelsAtOnce',
]

/** What this node has of it, by name; secrets as hashes. */
export function agreedOf(
  config: Config,
  plugins: readonly { readonly name: string; readonly settings?: object }[],
  provided: readonly ProvidedApp[],
): NodeCard['agreed'] {
  const agreed: Record<string, string> = {}
  for (const name of AGREED) agreed[SETTINGS[name].env] = String(config[name] ?? '')
  for (const { name, setting } of LIMIT_SETTINGS)
    if (!LIMITS_OF_A_NODE.includes(name)) agreed[setting.env] = String(config.limits[name])
  agreed['plugins'] = plugins.map(({ name }) => name).join(', ') || 'none'
  for (const { name, settings } of plugins)
    if (settings) agreed[`plugin ${name}`] = `settings ${hashOf(settings)}`
  agreed['apps provided'] = provided
    .map(({ id }) => id)
    .toSorted()
    .join(', ')
    .slice(0, 200)
  for (const { providedBy: _, ...app } of provided) agreed[`app ${app.id}`] = hashOf(app)
  return agreed
}

const hashOf = (value: object): string =>
  new Bun.CryptoHasher('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8)

/** What differs, by name. What one of them does not know at all is of another version, and is no difference. */
export function differencesOf(
  own: NodeCard['agreed'],
  other: NodeCard['agreed'],
): NodeDifference[] {
  return Object.entries(own).flatMap(([what, here]) => {
    const there = other[what]
    return there === undefined || there === here ? [] : [{ what, here, there }]
  })
}
