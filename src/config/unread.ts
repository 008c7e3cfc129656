/**
 * UNREAD: settings of other servers that we do not read, and what to do instead. A value that changes
 * nothing here, such as the other server's default, gets no line.
 */
import type { Environment } from './setting'

type Unread = {
  readonly names: readonly string[]
  /** Values that change nothing here. */
  readonly idle?: RegExp
  readonly instead: string
}

const OFF = /^(?:false|0|off|no|null|-1)$/i
const ON = /^(?:true|1)$/i
const ALONE = /^(?:local|full|memory|false|0)$/i
const PLUGIN = 'a plugin of carillon.config.ts (plugins/README.md)'

export const UNREAD: readonly Unread[] = [
  {
    names: [
      'SOKETI_SSL_CA',
      'REVERB_TLS_CERT',
      'REVERB_TLS_KEY',
      'REVERB_SERVER_TLS_CERT',
      'REVERB_SERVER_TLS_KEY',
    ],
    instead: 'set CARILLON_TLS_CERT_FILE and CARILLON_TLS_KEY_FILE, or let a proxy in front do TLS',
  },
  {
    names: ['SOKETI_DEFAULT_APP_ENABLED'],
    idle: ON,
    instead: 'PATCH the app by the admin API with active=false',
  },
  {
    names: [
      'SOKETI_ALLOWED_ORIGINS',
      'SOKETI_CORS_ALLOWED_ORIGINS',
      'REVERB_ALLOWED_ORIGINS',
      'REVERB_APP_ALLOWED_ORIGINS',
    ],
    idle: /^(?:\*|\["\*"\])$/,
    instead: `set the app's hosts by the admin API; ${PLUGIN} enforces them`,
  },
  {
    names: [
      'SOKETI_ADAPTER_DRIVER',
      'SOKETI_MODE',
      'SOKETI_CACHE_DRIVER',
      'SOKETI_RATE_LIMITER_DRIVER',
      'REVERB_SCALING_ENABLED',
    ],
    idle: ALONE,
    instead:
      'one process serves everybody; CARILLON_REDIS_URL makes several one server (docs/scaling.md)',
  },
  {
    names: ['SOKETI_APP_MANAGER_DRIVER'],
    idle: /^array$/,
    instead: '`carillon import soketi` takes its apps over (docs/moving-from-soketi.md)',
  },
  {
    names: ['SOKETI_QUEUE_DRIVER'],
    idle: /^sync$/,
    instead: 'webhooks wait in the database, and need no queue',
  },
  { names: ['SOKETI_DEBUG'], idle: OFF, instead: 'set CARILLON_LOG_LEVEL=debug' },
  {
    names: ['SOKETI_DEFAULT_APP_USER_AUTHENTICATION', 'SOKETI_USER_AUTHENTICATION_TIMEOUT'],
    idle: /^(?:false|0|30000)$/i,
    instead: 'set CARILLON_AUTHORIZE_WITHIN_SECONDS; users may always sign in',
  },
  {
    names: ['SOKETI_DEFAULT_APP_MAX_READ_REQ_PER_SEC', 'REVERB_APP_RATE_LIMITING_ENABLED'],
    idle: OFF,
    instead: `${PLUGIN} limits rates, once it is given numbers`,
  },
  {
    names: ['SOKETI_WEBHOOKS_BATCHING_DURATION'],
    idle: /^50$/,
    instead: 'set CARILLON_WEBHOOK_FLUSH_MS',
  },
  {
    names: ['SOKETI_HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD'],
    idle: /^85$/,
    instead:
      'bound what clients may hold (CARILLON_MAX_CONNECTIONS); GET /ready says when something is wrong',
  },
  {
    names: ['REVERB_APP_PING_INTERVAL'],
    idle: /^(?:30|60)$/,
    instead: 'set CARILLON_ACTIVITY_TIMEOUT_SECONDS',
  },
  {
    names: [
      'REVERB_APP_MAX_MESSAGE_SIZE',
      'REVERB_MAX_REQUEST_SIZE',
      'SOKETI_HTTP_MAX_REQUEST_SIZE',
    ],
    idle: /^10_?000$|^100$/, // bytes there, megabytes here
    instead: 'set CARILLON_MAX_EVENT_DATA_BYTES',
  },
  {
    names: ['REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM'],
    idle: /^members$/,
    instead:
      "for none set CARILLON_CLIENT_EVENTS=false, for all the app's public_client_events by the admin API",
  },
]

const INSTEAD = new Map(UNREAD.flatMap((row) => row.names.map((name) => [name, row] as const)))

/** Why a value changes nothing here, or what to do instead; undefined for any other name. */
export function unreadOf(
  name: string,
  value: string,
): { readonly idle: string } | { readonly instead: string } | undefined {
  const row = INSTEAD.get(name)
  if (!row) return undefined
  return !value || row.idle?.test(value)
    ? { idle: 'changes nothing here' }
    : { instead: row.instead }
}

/** One line for each such setting whose value would change something. */
export function unreadNames(env: Environment): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const found = unreadOf(name, value ?? '')
    return found && 'instead' in found ? `${name} is not read here: ${found.instead}` : []
  })
}
