/**
 * Laravel Reverb: what the apps and servers of `config/reverb.php`, as JSON, and its variables are here.
 * Source: Laravel's documentation, "Reverb"; the configuration file that it installs.
 */
import {
  numberOf,
  idle,
  isUnlimited,
  kept,
  named,
  limitAs,
  listOf,
  lost,
  type Carried,
  type FieldRow,
  type Origin,
} from './field-rows'

const FIELDS: readonly FieldRow[] = [
  { names: ['app_id', 'id'], env: 'REVERB_APP_ID', carry: kept('id') },
  { names: ['key'], env: 'REVERB_APP_KEY', carry: kept('key') },
  { names: ['secret'], env: 'REVERB_APP_SECRET', carry: kept('secret') },
  { names: ['name'], carry: named },
  {
    names: ['max_connections'],
    env: 'REVERB_APP_MAX_CONNECTIONS',
    carry: (value) =>
      isUnlimited(value) ? { idle: 'no limit' } : limitAs('max_connections_per_app')(value),
  },
  {
    names: ['accept_client_events_from'],
    env: 'REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM',
    absent: 'members',
    carry: clientEvents,
  },
  // Without a limit there: any number of them.
  {
    names: ['client events per second'],
    absent: -1,
    carry: limitAs('max_client_events_per_second'),
  },
  { names: ['max_message_size'], env: 'REVERB_APP_MAX_MESSAGE_SIZE', carry: messageSize },
  { names: ['allowed_origins'], env: 'REVERB_APP_ALLOWED_ORIGINS', carry: origins },
  {
    names: ['ping_interval'],
    carry: lost(
      'for all apps: CARILLON_ACTIVITY_TIMEOUT_SECONDS',
      (value) => numberOf(value) === 60,
    ),
  },
  {
    names: ['activity_timeout'],
    carry: lost(
      'for all apps: CARILLON_ACTIVITY_TIMEOUT_SECONDS',
      (value) => numberOf(value) === 30,
    ),
  },
  { names: ['rate_limiting'], carry: rateLimiting },
  {
    names: ['options'],
    carry: idle('stays with the application, with the address of this server'),
  },
]

function clientEvents(value: unknown): Carried {
  if (value === 'none') return { fields: { client_events: false }, as: 'client_events=false' }
  if (value !== 'members' && value !== 'all') return { mistake: 'expected all, members or none' }
  const gone = 'those who are not in a channel, and public channels, are refused client events'
  return {
    fields: { client_events: true },
    as: 'client_events=true',
    lost: value === 'all' ? [gone] : [],
  }
}

/** Data of one event; there it is a whole message. */
function messageSize(value: unknown): Carried {
  const bytes = numberOf(typeof value === 'string' ? value.replaceAll('_', '') : value)
  return bytes <= 10_240
    ? { idle: 'an event may have 10240 bytes of data' }
    : limitAs('max_event_data_bytes')(bytes)
}

/** Hosts there; patterns that a plugin must enforce here, since an app would only seem protected without one. */
function origins(value: unknown): Carried {
  const list = listOf(value) ?? (typeof value === 'string' ? value.split(/\s*,\s*/) : undefined)
  if (!list) return { mistake: 'expected a list of origins' }
  if (list.includes('*')) return { idle: 'every origin may connect' }
  const isHost = (entry: unknown): entry is string =>
    typeof entry === 'string' && /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/.test(entry)
  if (list.length === 0 || !list.every(isHost)) return { lost: `${ENFORCED}: set the app's hosts` }
  const hosts = JSON.stringify(list.map((host) => `//${host}`))
  return { lost: `${ENFORCED}: carillon apps update APP --set 'hosts=${hosts}'` }
}

const ENFORCED = 'once a plugin of carillon.config.ts (plugins/README.md) enforces hosts'

function rateLimiting(value: unknown): Carried {
  const { enabled } = (typeof value === 'object' && value ? value : {}) as { enabled?: unknown }
  return enabled === true
    ? {
        lost: 'a plugin of carillon.config.ts (plugins/README.md) limits rates, once it is given numbers',
      }
    : { idle: 'changes nothing' }
}

export const REVERB: Origin = {
  name: 'reverb',
  title: 'Laravel Reverb',
  fields: FIELDS,
  appsIn: ['apps.apps', 'reverb.apps.apps'],
  paths: {
    'servers.reverb.host': 'REVERB_SERVER_HOST',
    'servers.reverb.port': 'REVERB_SERVER_PORT',
    'servers.reverb.path': 'REVERB_SERVER_PATH',
    'servers.reverb.max_request_size': 'REVERB_MAX_REQUEST_SIZE',
    'servers.reverb.scaling.enabled': 'REVERB_SCALING_ENABLED',
    'servers.reverb.options.tls.local_cert': 'REVERB_TLS_CERT',
    'servers.reverb.options.tls.local_pk': 'REVERB_TLS_KEY',
    'servers.reverb.hostname': 'REVERB_HOST',
    'servers.reverb.pulse_ingest_interval': 'REVERB_PULSE_INGEST_INTERVAL',
    'servers.reverb.telescope_ingest_interval': 'REVERB_TELESCOPE_INGEST_INTERVAL',
    default: 'REVERB_SERVER',
  },
  defaults: { REVERB_SERVER_HOST: '0.0.0.0', REVERB_SERVER_PORT: '8080' },
}
