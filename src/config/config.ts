/**
 * Configuration: SETTINGS is the table, the environment fills it, the result is frozen. Every
 * mistake is reported at once; names of other programs (`PUSHER_HOST`, Kubernetes' `*_PORT`) set nothing.
 */
import { ADMIN_SETTINGS, formatAddress, hostOrSocket, sharedAddressMistake } from './admin-settings'
import { withAliases } from './aliases'
import { quote } from '../core/errors'
import { LIMITS, limitsOfNode, type LimitName, type Limits } from '../core/limits'
import { CLUSTER_SETTINGS, clusterMistakes } from './cluster-settings'
import { backupMistake, DATABASE_SETTINGS } from './database-settings'
import {
  boolean,
  hostNames,
  number,
  optional,
  origins,
  pathPrefix,
  proxies,
  setting,
  type Environment,
  type Setting,
} from './setting'
import { METRICS_SETTINGS, openMetricsMistake, sharedPortMistake } from './metrics-settings'
import { TLS_SETTINGS, tlsMistake } from './tls-settings'
import { WORKERS_SETTINGS, workersMistakes } from './workers-settings'
import { fileVariable, withSecretFiles } from './secret-files'
import { deniedWebhooks, WEBHOOK_SETTINGS } from './webhook-settings'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const SETTINGS = {
  port: number(
    'PORT',
    { default: 6001, min: 0, max: 65_535 },
    'port for sockets and HTTP; 0 takes a free one',
  ),
  host: setting<string>({
    env: 'HOST',
    default: '127.0.0.1',
    read: hostOrSocket,
    expected: 'a host name or address alone (the port goes to PORT), or unix: and a path',
    about:
      'address to listen on, or `unix:/run/carillon.sock` for a proxy on this machine; anything but loopback switches the published development credentials off',
  }),
  ...ADMIN_SETTINGS,
  ...TLS_SETTINGS,
  ...DATABASE_SETTINGS,
  ...CLUSTER_SETTINGS,
  ...WORKERS_SETTINGS,
  appId: optional(
    'PUSHER_APP_ID',
    /^(?!\.{1,2}$)[\w.-]+$/,
    'letters, digits and _.-, no dots alone (digits only for SDKs that read PUSHER_URL)',
    'id of an app; goes with the next two',
  ),
  appKey: optional(
    'PUSHER_APP_KEY',
    /^(?!\.{1,2}$)[\w.~-]+$/,
    'letters, digits and _.~-, no dots alone',
    'its key',
  ),
  appSecret: optional(
    'PUSHER_APP_SECRET',
    /^\S+$/,
    'text without spaces or line ends',
    'its secret',
    true,
  ),
  adminUsername: optional(
    'PUSHER_ADMIN_USERNAME',
    /^[^:\p{Cc}]+$/u, // docker's --env-file leaves the CR of a Windows line end
    'one line of text without a colon',
    'user of the admin API; goes with the next one',
  ),
  adminPassword: optional(
    'PUSHER_ADMIN_PASSWORD',
    /^.+$/,
    'one line of text',
    'password of the admin API',
    true,
  ),
  clientEvents: setting<boolean>({
    env: 'CARILLON_CLIENT_EVENTS',
    default: true,
    read: boolean,
    expected: 'true or false',
    about: 'client events for the app of the settings',
  }),
  pushexApp: optional(
    'CARILLON_PUSHEX_APP',
    /./,
    'the id of an app',
    'id of the app that PushEx clients and pushes without a key are for; the only one if absent',
  ),
  pathPrefix: setting<string>({
    env: 'CARILLON_PATH_PREFIX',
    default: '',
    read: pathPrefix,
    expected: 'a path like /realtime, and none that the server has without it (/api, /up)',
    about:
      'prefix that clients and SDKs put before /app and /apps (`wsPath`, `path`); everything else answers with and without it',
  }),
  adminOrigins: setting<readonly string[]>({
    env: 'CARILLON_ADMIN_ORIGINS',
    default: [],
    read: origins,
    expected: 'origins like https://dashboard.example.org, separated by commas',
    about: 'origins whose pages may use the admin API',
  }),
  trustedProxies: setting<readonly string[]>({
    env: 'CARILLON_TRUSTED_PROXIES',
    default: [],
    read: proxies,
    expected: 'addresses and networks like 10.0.0.0/8, or unix, separated by commas',
    about:
      "proxies in front, whose `x-forwarded-for` has the client's address (`unix`: on a unix socket); naming one switches the published credentials off",
  }),
  localHosts: setting<readonly string[]>({
    env: 'CARILLON_LOCAL_HOSTS',
    default: [],
    read: hostNames,
    expected: 'names like myapp.test, separated by commas',
    about:
      'names of this machine besides localhost, under which the published development credentials are accepted',
  }),
  maxFailedLoginsPerMinute: number(
    'CARILLON_MAX_FAILED_LOGINS_PER_MINUTE',
    { default: 10, min: 1, max: 1_000_000 },
    'wrong passwords and tokens of the admin, wrong secrets of each app, of one address (IPv6: of one /64); past it the right one is refused, too',
  ),
  sessionHours: number(
    'CARILLON_SESSION_HOURS',
    { default: 12, min: 1, max: 8760 },
    'hours after which who has signed in to the console does so again',
  ),
  auditDays: number(
    'CARILLON_AUDIT_DAYS',
    { default: 365, min: 1, max: 36_500 },
    'days for which the audit keeps who changed what',
  ),
  auditMaxRows: number(
    'CARILLON_AUDIT_MAX_ROWS',
    { default: 100_000, min: 100, max: 10_000_000 },
    'changes that the audit keeps at most; the oldest are deleted first',
  ),
  activityTimeoutSeconds: number(
    'CARILLON_ACTIVITY_TIMEOUT_SECONDS',
    { default: 30, min: 1, max: 86_400 },
    'silence after which a client is pinged, also sent in the hello (proxies close what is silent for a minute)',
  ),
  pongTimeoutSeconds: number(
    'CARILLON_PONG_TIMEOUT_SECONDS',
    { default: 30, min: 1, max: 86_400 },
    'time that a pinged client has before it is closed with 4201',
  ),
  heartbeatTimeoutSeconds: number(
    'CARILLON_HEARTBEAT_TIMEOUT_SECONDS',
    { default: 60, min: 1, max: 86_400 },
    'silence after which a Phoenix client is closed with 1001; it sends heartbeats every 30 s',
  ),
  cacheTtlSeconds: number(
    'CARILLON_CACHE_TTL_SECONDS',
    { default: 1800, min: 1, max: 86_400 },
    'how long a cache channel keeps its last event',
  ),
  drainSeconds: number(
    'CARILLON_DRAIN_SECONDS',
    { default: 10, min: 0, max: 3600 },
    'time over which a stopping server spreads the closing of its sockets',
  ),
  maxConnections: number(
    'CARILLON_MAX_CONNECTIONS',
    { default: 0, min: 0, max: 10_000_000 },
    'open connections of the process; 0 is all file descriptors that the system allows but 256',
  ),
  maxRequests: number(
    'CARILLON_MAX_REQUESTS',
    { default: 0, min: 0, max: 10_000_000 },
    'requests of the process that wait for their bodies or for an answer; 0 is half of the file descriptors, 10 000 at most',
  ),
  gateTimeoutMs: number(
    'CARILLON_GATE_TIMEOUT_MS',
    { default: 3000, min: 1, max: 600_000 },
    'time that a plugin has to decide before it refuses',
  ),
  statisticsMaxRows: number(
    'CARILLON_STATISTICS_MAX_ROWS',
    { default: 1_000_000, min: 0, max: 100_000_000 },
    'rows of time series in the database, a third for each length of step: some 100 bytes each, and 10 600 for an app that is always active; 0 keeps none',
  ),
  ...WEBHOOK_SETTINGS,
  ...METRICS_SETTINGS,
  configFile: optional(
    'CARILLON_CONFIG',
    /./,
    'a path',
    "the file that lists plugins and apps, in place of `carillon.config.ts` in the working directory; without either, the server's own",
  ),
  logLevel: setting<LogLevel>({
    env: 'CARILLON_LOG_LEVEL',
    default: 'info',
    read: (value) => LOG_LEVELS.find((level) => level === value),
    expected: LOG_LEVELS.join(', '),
    about: 'least severe log lines to write',
  }),
} as const

type SettingName = keyof typeof SETTINGS
type ValueOf<S> = S extends Setting<infer T> ? T : never
type Values = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> }
export type Config = Values & { readonly limits: Limits }

/** `maxUserIdChars` is set by `CARILLON_MAX_USER_ID_CHARS`. */
const limitEnv = (name: string): string =>
  `CARILLON_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/** The rows of LIMITS as settings. */
export const LIMIT_SETTINGS = Object.entries(LIMITS).map(([name, row]) => ({
  name: name as LimitName,
  setting: number(limitEnv(name), row, `${row.about} (${row.unit})`),
}))

/** A configuration that can't be used; one line per mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'))
  }
}

/** Reads the settings. @throws ConfigError with every mistake */
export function readConfig(environment: Environment): Config {
  const found = withAliases(environment, SECRETS)
  const { env, sources, mistakes: fileMistakes } = withSecretFiles(found, SECRETS)
  const mistakes = [...fileMistakes]
  const describe = ({ env: name, secret }: Setting<unknown>): string => {
    const [as, value = ''] = [found.foundAs.get(name) ?? name, env[name]]
    const [source, given = ''] = [sources.get(name), environment[as]]
    if (source !== undefined || secret) return source ?? `${as}=(hidden)`
    const converted = given === value ? '' : `, which is ${name}=${quote(value)}`
    return `${as}=${quote(given)}${converted}`
  }
  const read = <T>(row: Setting<T>): T => {
    const given = env[row.env]
    if (given === undefined || given === '') return row.default
    const value = row.read(given)
    if (value !== undefined) return value
    mistakes.push(`${describe(row)}: ${row.mistake?.(given) ?? `expected ${row.expected}`}`)
    return row.default
  }
  const values = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, row]) => [name, read(row as Setting<unknown>)]),
  ) as Values
  const limits = Object.fromEntries(
    LIMIT_SETTINGS.map(({ name, setting: row }) => [name, read(row)]),
  )
  mistakes.push(
    ...deniedWebhooks(values).map((reason) => `${describe(SETTINGS.webhooks)}: ${reason}`),
  )
  mistakes.push(...openMetricsMistake(values), ...backupMistake(values), ...tlsMistake(values))
  mistakes.push(...clusterMistakes(values))
  mistakes.push(
    ...sharedAddressMistake(values).map((reason) => `${describe(SETTINGS.adminListen)}: ${reason}`),
  )
  mistakes.push(
    ...sharedPortMistake(values).map((reason) => `${describe(SETTINGS.metricsPort)}: ${reason}`),
  )
  mistakes.push(
    ...workersMistakes(values).map((reason) => `${describe(SETTINGS.workers)}: ${reason}`),
  )
  mistakes.push(...GROUPS.flatMap((names) => missingMistakes(env, names)))
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze({ ...values, limits: Object.freeze(limitsOfNode(limits as Limits)) })
}

/** Settings that are set together or not at all. */
const GROUPS = [
  [SETTINGS.appId.env, SETTINGS.appKey.env, SETTINGS.appSecret.env],
  [SETTINGS.adminUsername.env, SETTINGS.adminPassword.env],
]

function missingMistakes(env: Environment, names: readonly string[]): string[] {
  const isSet = (name: string): boolean => Boolean(env[name] || env[fileVariable(name)])
  const absent = names.filter((name) => !isSet(name))
  if (absent.length === 0 || absent.length === names.length) return []
  const given = names.filter(isSet).join(' and ')
  return absent.map((name) => `${name} is not set: expected a value, since it goes with ${given}`)
}

/** The rows of SETTINGS and of LIMITS. */
export const ALL_SETTINGS = [
  ...Object.values(SETTINGS),
  ...LIMIT_SETTINGS.map((row) => row.setting),
]

/** Settings that `<name>_FILE` may set, too. */
export const SECRETS = ALL_SETTINGS.filter((row) => row.secret).map((row) => row.env)

/** All names that are read, without other servers' names. */
export const SETTING_NAMES = [...ALL_SETTINGS.map((row) => row.env), ...SECRETS.map(fileVariable)]

/** True for a name or address that only this machine has. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host)

/** Why others can reach the server; undefined where only this machine can. */
export function exposure({
  host,
  adminListen,
  trustedProxies,
}: Pick<Config, 'host' | 'adminListen' | 'trustedProxies'>): string | undefined {
  if (!isLoopback(host)) return `${SETTINGS.host.env}=${host} is not loopback`
  if (adminListen && 'host' in adminListen && !isLoopback(adminListen.host))
    return `${SETTINGS.adminListen.env}=${formatAddress(adminListen)} is not loopback`
  return trustedProxies.length > 0 ? `${SETTINGS.trustedProxies.env} names a proxy` : undefined
}

const HELP = [
  'port',
  'host',
  'databasePath',
  'appId',
  'appKey',
  'appSecret',
  'adminUsername',
  'adminPassword',
  'configFile',
  'logLevel',
] as const satisfies readonly SettingName[]

/** Lines of `--help`, one for each of HELP. */
export const helpLines = (): string[] =>
  HELP.map((name) => `  ${SETTINGS[name].env.padEnd(24)} ${SETTINGS[name].about}`)
