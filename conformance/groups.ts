/** GROUPS: all that is tried, in the order in which it is shown. */
import type { Group } from './case'
import { CACHE, PUBLIC } from './groups/channels'
import { CLIENT_EVENTS } from './groups/client-events'
import { COUNTS } from './groups/counts'
import { FALLBACK } from './groups/fallback'
import { CONNECTING, MALFORMED } from './groups/connecting'
import { EVENTS } from './groups/events'
import { CROWD, PRESENCE } from './groups/presence'
import { ENCRYPTED, PRIVATE } from './groups/private'
import { QUERIES } from './groups/queries'
import { RFC_6455 } from './groups/rfc6455'
import { SIGNATURES } from './groups/signatures'
import { USERS, WATCHLISTS } from './groups/users'
import { WEBHOOKS } from './groups/webhooks'

export const GROUPS: readonly Group[] = [
  CONNECTING,
  PUBLIC,
  PRIVATE,
  ENCRYPTED,
  PRESENCE,
  CACHE,
  CLIENT_EVENTS,
  USERS,
  WATCHLISTS,
  SIGNATURES,
  EVENTS,
  QUERIES,
  RFC_6455,
  COUNTS,
  WEBHOOKS,
  FALLBACK,
  CROWD,
  MALFORMED,
]
