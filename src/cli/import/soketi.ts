/**
 * soketi: what its apps, its configuration file and its variables are here.
 * Source: soketi's documentation, "App Management", "Environment Variables", "App Webhooks".
 */
import { isRecord } from '../../core/json'
import {
  flagOf,
  idle,
  isUnlimited,
  kept,
  named,
  flagAs,
  limitAs,
  listOf,
  lost,
  type Carried,
  type FieldRow,
  type Origin,
} from './field-rows'

const FIELDS: readonly FieldRow[] = [
  { names: ['id', 'AppId'], env: 'SOKETI_DEFAULT_APP_ID', absent: 'app-id', carry: kept('id') },
  {
    names: ['key', 'AppKey'],
    env: 'SOKETI_DEFAULT_APP_KEY',
    absent: 'app-key',
    carry: kept('key'),
  },
  { names: ['secret', 'AppSecret'], env: 'SOKETI_DEFAULT_APP_SECRET', carry: kept('secret') },
  { names: ['name'], carry: named },
  { names: ['enabled', 'Enabled'], env: 'SOKETI_DEFAULT_APP_ENABLED', carry: flagAs('active') },
  {
    names: ['enableClientMessages', 'EnableClientMessages', 'enable_client_messages'],
    env: 'SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES',
    absent: false,
    carry: flagAs('client_events'),
  },
  {
    names: ['maxConnections', 'MaxConnections', 'max_connections'],
    env: 'SOKETI_DEFAULT_APP_MAX_CONNS',
    carry: limitAs('max_connections_per_app'),
  },
  {
    names: ['maxBackendEventsPerSecond', 'MaxBackendEventsPerSecond', 'max_backend_events_per_sec'],
    env: 'SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC',
    carry: limitAs('max_backend_events_per_second'),
  },
  {
    names: ['maxClientEventsPerSecond', 'MaxClientEventsPerSecond', 'max_client_events_per_sec'],
    env: 'SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC',
    absent: -1,
    carry: limitAs('max_client_events_per_second'),
  },
  {
    names: ['maxReadRequestsPerSecond', 'MaxReadRequestsPerSecond', 'max_read_req_per_sec'],
    env: 'SOKETI_DEFAULT_APP_MAX_READ_REQ_PER_SEC',
    carry: lost('a plugin of carillon.config.ts (plugins/README.md) limits requests', isUnlimited),
  },
  {
    names: [
      'maxPresenceMembersPerChannel',
      'MaxPresenceMembersPerChannel',
      'max_presence_members_per_channel',
    ],
    carry: limitAs('max_presence_members'),
  },
  {
    names: [
      'maxPresenceMemberSizeInKb',
      'MaxPresenceMemberSizeInKb',
      'max_presence_member_size_in_kb',
    ],
    carry: limitAs('max_user_info_bytes', 1024),
  },
  {
    names: ['maxEventPayloadInKb', 'MaxEventPayloadInKb', 'max_event_payload_in_kb'],
    carry: limitAs('max_event_data_bytes', 1024),
  },
  {
    names: ['maxChannelNameLength', 'MaxChannelNameLength', 'max_channel_name_length'],
    carry: lost('for all apps: CARILLON_MAX_CHANNEL_NAME_CHARS', isUnlimited),
  },
  {
    names: ['maxEventChannelsAtOnce', 'MaxEventChannelsAtOnce', 'max_event_channels_at_once'],
    carry: lost('for all apps: CARILLON_MAX_CHANNELS_PER_TRIGGER', isUnlimited),
  },
  {
    names: ['maxEventNameLength', 'MaxEventNameLength', 'max_event_name_length'],
    carry: lost('for all apps: CARILLON_MAX_EVENT_NAME_CHARS', isUnlimited),
  },
  {
    names: ['maxEventBatchSize', 'MaxEventBatchSize', 'max_event_batch_size'],
    carry: lost('for all apps: CARILLON_MAX_EVENTS_PER_BATCH', isUnlimited),
  },
  {
    names: ['enableUserAuthentication', 'EnableUserAuthentication', 'enable_user_authentication'],
    env: 'SOKETI_DEFAULT_APP_USER_AUTHENTICATION',
    carry: signInWithin,
  },
  { names: ['webhooks', 'Webhooks'], env: 'SOKETI_DEFAULT_APP_WEBHOOKS', carry: webhooks },
  {
    names: ['created_at', 'updated_at', 'createdAt', 'updatedAt'],
    carry: idle('the audit says when'),
  },
]

/** soketi's time for that is 30 seconds. */
function signInWithin(value: unknown): Carried {
  const isOn = flagOf(value)
  if (isOn === undefined) return { mistake: 'expected true or false' }
  if (!isOn) return { idle: 'users may always sign in' }
  return {
    fields: { limits: { authorize_within_seconds: 30 } },
    as: 'limits.authorize_within_seconds=30',
  }
}

/** Endpoints; AWS Lambda is none. */
function webhooks(value: unknown): Carried {
  const list = listOf(value)
  if (!list) return { mistake: 'expected a list of webhooks' }
  const endpoints: unknown[] = []
  const gone: string[] = []
  for (const entry of list) {
    if (!isRecord(entry)) return { mistake: 'expected a list of objects' }
    const { lambda_function: fn, lambda: _, filters, filter = filters, ...endpoint } = entry
    if (fn !== undefined && endpoint['url'] === undefined)
      gone.push(
        'an AWS Lambda function is no endpoint here: give it a function URL, which speaks HTTP',
      )
    else endpoints.push({ ...endpoint, ...(filter !== undefined && { filter }) })
  }
  const count = `${endpoints.length} webhook${endpoints.length === 1 ? '' : 's'}`
  return { fields: { webhooks: endpoints }, as: count, lost: gone }
}

export const SOKETI: Origin = {
  name: 'soketi',
  title: 'soketi',
  fields: FIELDS,
  appsIn: ['appManager.array.apps'],
  envIsFirstApp: true,
  paths: {
    port: 'SOKETI_PORT',
    host: 'SOKETI_HOST',
    pathPrefix: 'SOKETI_PATH_PREFIX',
    debug: 'SOKETI_DEBUG',
    mode: 'SOKETI_MODE',
    shutdownGracePeriod: 'SOKETI_SHUTDOWN_GRACE_PERIOD',
    userAuthenticationTimeout: 'SOKETI_USER_AUTHENTICATION_TIMEOUT',
    'ssl.certPath': 'SOKETI_SSL_CERT',
    'ssl.keyPath': 'SOKETI_SSL_KEY',
    'ssl.passphrase': 'SOKETI_SSL_PASS',
    'ssl.caPath': 'SOKETI_SSL_CA',
    'cors.origin': 'SOKETI_CORS_ALLOWED_ORIGINS',
    'adapter.driver': 'SOKETI_ADAPTER_DRIVER',
    'cache.driver': 'SOKETI_CACHE_DRIVER',
    'queue.driver': 'SOKETI_QUEUE_DRIVER',
    'rateLimiter.driver': 'SOKETI_RATE_LIMITER_DRIVER',
    'appManager.driver': 'SOKETI_APP_MANAGER_DRIVER',
    'appManager.mysql.table': 'SOKETI_APP_MANAGER_MYSQL_TABLE',
    'appManager.postgres.table': 'SOKETI_APP_MANAGER_POSTGRES_TABLE',
    'database.mysql.host': 'SOKETI_DB_MYSQL_HOST',
    'database.mysql.port': 'SOKETI_DB_MYSQL_PORT',
    'database.mysql.user': 'SOKETI_DB_MYSQL_USERNAME',
    'database.mysql.password': 'SOKETI_DB_MYSQL_PASSWORD',
    'database.mysql.database': 'SOKETI_DB_MYSQL_DATABASE',
    'database.postgres.host': 'SOKETI_DB_POSTGRES_HOST',
    'database.postgres.port': 'SOKETI_DB_POSTGRES_PORT',
    'database.postgres.user': 'SOKETI_DB_POSTGRES_USERNAME',
    'database.postgres.password': 'SOKETI_DB_POSTGRES_PASSWORD',
    'database.postgres.database': 'SOKETI_DB_POSTGRES_DATABASE',
    'channelLimits.maxNameLength': 'SOKETI_CHANNEL_LIMITS_MAX_NAME_LENGTH',
    'channelLimits.cacheTtl': 'SOKETI_CHANNEL_CACHE_TTL',
    'eventLimits.maxBatchSize': 'SOKETI_EVENT_MAX_BATCH_SIZE',
    'eventLimits.maxChannelsAtOnce': 'SOKETI_EVENT_MAX_CHANNELS_AT_ONCE',
    'eventLimits.maxNameLength': 'SOKETI_EVENT_MAX_NAME_LENGTH',
    'eventLimits.maxPayloadInKb': 'SOKETI_EVENT_MAX_SIZE_IN_KB',
    'httpApi.acceptTraffic.memoryThreshold': 'SOKETI_HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD',
    'httpApi.requestLimitInMb': 'SOKETI_HTTP_MAX_REQUEST_SIZE',
    'metrics.enabled': 'SOKETI_METRICS_ENABLED',
    'metrics.host': 'SOKETI_METRICS_HOST',
    'metrics.port': 'SOKETI_METRICS_SERVER_PORT',
    'metrics.prometheus.prefix': 'SOKETI_METRICS_PROMETHEUS_PREFIX',
    'presence.maxMembersPerChannel': 'SOKETI_PRESENCE_MAX_MEMBERS',
    'presence.maxMemberSizeInKb': 'SOKETI_PRESENCE_MAX_MEMBER_SIZE',
    'webhooks.batching.enabled': 'SOKETI_WEBHOOKS_BATCHING',
    'webhooks.batching.duration': 'SOKETI_WEBHOOKS_BATCHING_DURATION',
  },
  // Where a server would otherwise refuse what soketi accepts.
  defaults: {
    SOKETI_HOST: '0.0.0.0',
    SOKETI_EVENT_MAX_SIZE_IN_KB: '100',
    SOKETI_CHANNEL_CACHE_TTL: '3600',
  },
}
