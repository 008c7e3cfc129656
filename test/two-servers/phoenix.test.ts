import { overTwoServers } from './run'

overTwoServers([
  'protocols/phoenix-presence',
  'protocols/phoenix-events',
  'protocols/phoenix-join',
  'protocols/phoenix-app-ends',
  'protocols/phoenix-gates',
  'protocols/history-phoenix',
  'dialects/expusherlite/scopes',
  'dialects/expusherlite/routes',
  'dialects/pushex/client',
  'dialects/pushex/routes',
  'core/groups',
])
