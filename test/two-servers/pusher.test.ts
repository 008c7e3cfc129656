import { overTwoServers } from './run'

overTwoServers([
  'protocols/pusher-presence',
  'protocols/pusher-users',
  'protocols/pusher-watchlists',
  'protocols/pusher-cache',
  'protocols/pusher-client-events',
  'protocols/pusher-subscribe',
  'protocols/history-pusher',
  'protocols/users-rows',
  'core/streams-walk',
  'core/published-facts',
  'core/engine-taps',
  'core/engine-waits',
  'core/hooks-authorize',
  'plugins/connect-user',
  'plugins/unsubscribe',
  'core/filters-wait',
  'plugins/published',
])
