/**
 * ALIASES: other servers' names of settings, which people who move here have set already, and ours for
 * each. Our own name wins where both are set.
 */
import { LIMITS, type LimitName } from '../core/limits'
import { withoutServices } from './kubernetes'
import { fileVariable } from './secret-files'
import type { Environment, AliasedEnvironment } from './setting'

/** Of a value there, in the environment that it is from; an empty one is not set. */
type Convert = (value: string, env: Environment) => string

/** The name elsewhere, the name here, and the conversion to our unit. */
type Alias = readonly [alias: string, env: string, convert?: Convert]

/** -1 is no limit there. A limit that cannot be switched off gets its greatest value. */
const unlimited =
  (limit: LimitName) =>
  (value: string): string => {
    const { min, max } = LIMITS[limit]
    return value === '-1' ? String(min === 0 ? 0 : max) : value
  }
const kilobytes = (value: string): string =>
  /^\d+(\.\d+)?$/.test(value) ? String(Math.floor(Number(value) * 1024)) : value
const milliseconds = (value: string): string =>
  /^\d+$/.test(value) ? String(Math.ceil(Number(value) / 1000)) : value
/** The port there, where metrics are switched on. */
const metricsPort = (value: string): string => (/^(?:true|1)$/i.test(value) ? '9601' : '')
/** Of no use there where metrics are switched off. */
const unlessOff: Convert = (value, { SOKETI_METRICS_ENABLED: enabled }) =>
  enabled && metricsPort(enabled) === '' ? '' : value
const identity = (value: string): string => value
/** A path with a slash at its beginning and none at its end. */
const path = (value: string): string => (value === '/' ? '' : `/${value.replace(/^\/+|\/+$/g, '')}`)

export const ALIASES: readonly Alias[] = [
  ['SOKETI_HOST', 'HOST'],
  ['SOKETI_PORT', 'PORT'],
  ['SOKETI_SSL_CERT', 'CARILLON_TLS_CERT_FILE'],
  ['SOKETI_SSL_KEY', 'CARILLON_TLS_KEY_FILE'],
  ['SOKETI_SSL_PASS', 'CARILLON_TLS_PASSPHRASE'],
  ['SOKETI_PATH_PREFIX', 'CARILLON_PATH_PREFIX', path],
  ['SOKETI_SHUTDOWN_GRACE_PERIOD', 'CARILLON_DRAIN_SECONDS', milliseconds],
  ['SOKETI_DEFAULT_APP_ID', 'PUSHER_APP_ID'],
  ['SOKETI_DEFAULT_APP_KEY', 'PUSHER_APP_KEY'],
  ['SOKETI_DEFAULT_APP_SECRET', 'PUSHER_APP_SECRET'],
  ['SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES', 'CARILLON_CLIENT_EVENTS'],
  ['SOKETI_DEFAULT_APP_WEBHOOKS', 'CARILLON_WEBHOOKS'],
  [
    'SOKETI_DEFAULT_APP_MAX_CONNS',
    'CARILLON_MAX_CONNECTIONS_PER_APP',
    unlimited('maxConnectionsPerApp'),
  ],
  [
    'SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC',
    'CARILLON_MAX_BACKEND_EVENTS_PER_SECOND',
    unlimited('maxBackendEventsPerSecond'),
  ],
  [
    'SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC',
    'CARILLON_MAX_CLIENT_EVENTS_PER_SECOND',
    unlimited('maxClientEventsPerSecond'),
  ],
  ['SOKETI_EVENT_MAX_SIZE_IN_KB', 'CARILLON_MAX_EVENT_DATA_BYTES', kilobytes],
  ['SOKETI_EVENT_MAX_NAME_LENGTH', 'CARILLON_MAX_EVENT_NAME_CHARS'],
  ['SOKETI_EVENT_MAX_BATCH_SIZE', 'CARILLON_MAX_EVENTS_PER_BATCH'],
  ['SOKETI_EVENT_MAX_CHANNELS_AT_ONCE', 'CARILLON_MAX_CHANNELS_PER_TRIGGER'],
  ['SOKETI_CHANNEL_LIMITS_MAX_NAME_LENGTH', 'CARILLON_MAX_CHANNEL_NAME_CHARS'],
  ['SOKETI_CHANNEL_CACHE_TTL', 'CARILLON_CACHE_TTL_SECONDS'],
  ['SOKETI_PRESENCE_MAX_MEMBERS', 'CARILLON_MAX_PRESENCE_MEMBERS'],
  ['SOKETI_PRESENCE_MAX_MEMBER_SIZE', 'CARILLON_MAX_USER_INFO_BYTES', kilobytes],
  ['SOKETI_METRICS_HOST', 'CARILLON_METRICS_HOST', unlessOff],
  ['SOKETI_METRICS_SERVER_PORT', 'CARILLON_METRICS_PORT', unlessOff],
  ['SOKETI_METRICS_ENABLED', 'CARILLON_METRICS_PORT', metricsPort],
  ['SOKETI_METRICS_PROMETHEUS_PREFIX', 'CARILLON_METRICS_SOKETI_PREFIX'],
  ['REVERB_SERVER_HOST', 'HOST'],
  ['REVERB_SERVER_PORT', 'PORT'],
  ['REVERB_SERVER_PATH', 'CARILLON_PATH_PREFIX', path],
  ['REVERB_APP_ACTIVITY_TIMEOUT', 'CARILLON_ACTIVITY_TIMEOUT_SECONDS'],
  [
    'REVERB_APP_MAX_CONNECTIONS',
    'CARILLON_MAX_CONNECTIONS_PER_APP',
    (value) => (value === 'null' ? '0' : value),
  ],
  ['REVERB_APP_ID', 'PUSHER_APP_ID'],
  ['REVERB_APP_KEY', 'PUSHER_APP_KEY'],
  ['REVERB_APP_SECRET', 'PUSHER_APP_SECRET'],
]

/** Other servers' names that are read. */
export const aliasNames = (secrets: readonly string[]): string[] =>
  ALIASES.flatMap(([alias, env]) =>
    secrets.includes(env) ? [alias, fileVariable(alias)] : [alias],
  )

/** Other servers' names of these settings. */
export const aliasesOf = (names: readonly string[]): string[] =>
  ALIASES.flatMap(([alias, env]) => (names.includes(env) ? alias : []))

/** The environment in our own names, without variables of services. `secrets` are settings that may be in files. */
export function withAliases(given: Environment, secrets: readonly string[]): AliasedEnvironment {
  const env = withoutServices(given)
  const own: Record<string, string | undefined> = { ...env }
  const foundAs = new Map<string, string>()
  for (const [alias, name, convert = identity] of ALIASES) {
    const [file, aliasFile] = [fileVariable(name), fileVariable(alias)]
    const isSecret = secrets.includes(name)
    if (own[name] || (isSecret && own[file])) continue
    const value = env[alias]
    if (value) {
      own[name] = convert(value, env)
      foundAs.set(name, alias)
    }
    if (isSecret && env[aliasFile]) {
      own[file] = env[aliasFile]
      foundAs.set(file, aliasFile)
    }
  }
  return { env: own, foundAs }
}
