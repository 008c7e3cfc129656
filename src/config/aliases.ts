/**
 * ALIASES: the names that people who move from other servers have set already, and which of our
 * settings they stand for. Our own name wins where both are set.
 */
import { LIMITS, type LimitName } from '../core/limits'
import { withoutServices } from './kubernetes'
import { fileVariable } from './secret-files'
import type { Environment, Found } from './setting'

type Alias = {
  readonly alias: string
  readonly env: string
  /** Where the two count in different units. */
  readonly convert?: (value: string) => string
}

/** Where there is no number for no limit, the most that may be set is as good. */
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
const same = (value: string): string => value
/** A path with a slash at its beginning and none at its end. */
const path = (value: string): string => (value === '/' ? '' : `/${value.replace(/^\/+|\/+$/g, '')}`)

const ALIASES: readonly Alias[] = [
  { alias: 'SOKETI_HOST', env: 'HOST' },
  { alias: 'SOKETI_PORT', env: 'PORT' },
  { alias: 'SOKETI_PATH_PREFIX', env: 'CARILLON_PATH_PREFIX', convert: path },
  { alias: 'SOKETI_SHUTDOWN_GRACE_PERIOD', env: 'CARILLON_DRAIN_SECONDS', convert: milliseconds },
  { alias: 'SOKETI_DEFAULT_APP_ID', env: 'PUSHER_APP_ID' },
  { alias: 'SOKETI_DEFAULT_APP_KEY', env: 'PUSHER_APP_KEY' },
  { alias: 'SOKETI_DEFAULT_APP_SECRET', env: 'PUSHER_APP_SECRET' },
  { alias: 'SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES', env: 'CARILLON_CLIENT_EVENTS' },
  { alias: 'SOKETI_DEFAULT_APP_WEBHOOKS', env: 'CARILLON_WEBHOOKS' },
  {
    alias: 'SOKETI_DEFAULT_APP_MAX_CONNS',
    env: 'CARILLON_MAX_CONNECTIONS_PER_APP',
    convert: unlimited('maxConnectionsPerApp'),
  },
  {
    alias: 'SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC',
    env: 'CARILLON_MAX_BACKEND_EVENTS_PER_SECOND',
    convert: unlimited('maxBackendEventsPerSecond'),
  },
  {
    alias: 'SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC',
    env: 'CARILLON_MAX_CLIENT_EVENTS_PER_SECOND',
    convert: unlimited('maxClientEventsPerSecond'),
  },
  {
    alias: 'SOKETI_EVENT_MAX_SIZE_IN_KB',
    env: 'CARILLON_MAX_EVENT_DATA_BYTES',
    convert: kilobytes,
  },
  { alias: 'SOKETI_EVENT_MAX_NAME_LENGTH', env: 'CARILLON_MAX_EVENT_NAME_CHARS' },
  { alias: 'SOKETI_EVENT_MAX_BATCH_SIZE', env: 'CARILLON_MAX_EVENTS_PER_BATCH' },
  { alias: 'SOKETI_EVENT_MAX_CHANNELS_AT_ONCE', env: 'CARILLON_MAX_CHANNELS_PER_TRIGGER' },
  { alias: 'SOKETI_CHANNEL_LIMITS_MAX_NAME_LENGTH', env: 'CARILLON_MAX_CHANNEL_NAME_CHARS' },
  { alias: 'SOKETI_CHANNEL_CACHE_TTL', env: 'CARILLON_CACHE_TTL_SECONDS' },
  { alias: 'SOKETI_PRESENCE_MAX_MEMBERS', env: 'CARILLON_MAX_PRESENCE_MEMBERS' },
  {
    alias: 'SOKETI_PRESENCE_MAX_MEMBER_SIZE',
    env: 'CARILLON_MAX_USER_INFO_BYTES',
    convert: kilobytes,
  },
  { alias: 'REVERB_SERVER_HOST', env: 'HOST' },
  { alias: 'REVERB_SERVER_PORT', env: 'PORT' },
  { alias: 'REVERB_SERVER_PATH', env: 'CARILLON_PATH_PREFIX', convert: path },
  { alias: 'REVERB_APP_ACTIVITY_TIMEOUT', env: 'CARILLON_ACTIVITY_TIMEOUT_SECONDS' },
  {
    alias: 'REVERB_APP_MAX_CONNECTIONS',
    env: 'CARILLON_MAX_CONNECTIONS_PER_APP',
    convert: (value) => (value === 'null' ? '0' : value),
  },
  { alias: 'REVERB_APP_ID', env: 'PUSHER_APP_ID' },
  { alias: 'REVERB_APP_KEY', env: 'PUSHER_APP_KEY' },
  { alias: 'REVERB_APP_SECRET', env: 'PUSHER_APP_SECRET' },
]

/** Other servers' names that are read. */
export const aliasNames = (secrets: readonly string[]): string[] =>
  ALIASES.flatMap(({ alias, env }) =>
    secrets.includes(env) ? [alias, fileVariable(alias)] : [alias],
  )

/** Other servers' names of these settings. */
export const aliasesOf = (names: readonly string[]): string[] =>
  ALIASES.flatMap(({ alias, env }) => (names.includes(env) ? alias : []))

/** The environment in our own names, without those of services; `secrets` are settings that files may have. */
export function withAliases(given: Environment, secrets: readonly string[]): Found {
  const env = withoutServices(given)
  const own: Record<string, string | undefined> = { ...env }
  const foundAs = new Map<string, string>()
  for (const { alias, env: name, convert = same } of ALIASES) {
    const [file, aliasFile] = [fileVariable(name), fileVariable(alias)]
    const isSecret = secrets.includes(name)
    if (own[name] || (isSecret && own[file])) continue
    const value = env[alias]
    if (value) {
      own[name] = convert(value)
      foundAs.set(name, alias)
    }
    if (isSecret && env[aliasFile]) {
      own[file] = env[aliasFile]
      foundAs.set(file, aliasFile)
    }
  }
  return { env: own, foundAs }
}

/** The table of docs/settings.md, in Markdown. */
export function aliasTable(): string {
  const rows = ALIASES.map(({ alias, env }) => `| \`${alias}\` | \`${env}\` |`)
  return ['| Also read | As |', '|---|---|', ...rows].join('\n')
}
