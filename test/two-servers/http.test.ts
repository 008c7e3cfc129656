import { overTwoServers } from './run'

overTwoServers([
  'http/channels',
  'http/history',
  'http/connections',
  'http/events',
  'http/batch-events',
  'http/idempotency',
  'http/admin-create',
  'http/admin-change',
  'http/admin-keys',
  'webhooks/events',
])
