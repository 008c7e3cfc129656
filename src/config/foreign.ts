/**
 * FOREIGN: other servers whose environment people bring along, how it is recognised, and which of its names mean
 * nothing here. What is read under another server's name is in ALIASES, what must be done in another way in UNREAD.
 */
import { ALIASES } from './aliases'
import { unreadOf } from './unread'
import type { Environment } from './setting'

export type Foreign = {
  /** As `carillon import` has it. */
  readonly name: 'soketi' | 'reverb' | 'pusher'
  /** Its names, and those of applications that use it. */
  readonly names: RegExp
  /** Those by which an environment is recognised as its own; `names` if absent. */
  readonly marks?: RegExp
  /** Names that mean nothing here, with the reason. */
  readonly idle: readonly (readonly [names: RegExp, why: string])[]
}

const ONE_PROCESS =
  'one process serves everybody; CARILLON_REDIS_URL makes several one server (docs/scaling.md)'
const IN_DATABASE = 'apps are in the database of the server'
const OF_CLIENTS = 'stays with the application, with the address of this server'

export const FOREIGN: readonly Foreign[] = [
  {
    name: 'soketi',
    names: /^SOKETI_/,
    idle: [
      [/^SOKETI_(?:ADAPTER|CLUSTER|CACHE|RATE_LIMITER|(?:DB|DATABASE)_REDIS)_/, ONE_PROCESS],
      [/^SOKETI_QUEUE_/, 'webhooks wait in the database, and need no queue'],
      [
        /^SOKETI_(?:DB|APP_MANAGER)_(?:MYSQL|POSTGRES)_/,
        '`carillon import soketi --connect` reads the apps from there',
      ],
      [/^SOKETI_APP_MANAGER_ARRAY_/, 'soketi does not read it either: its file of JSON lists apps'],
      [/^SOKETI_(?:(?:DB|DATABASE)_POOLING|APP_MANAGER)_/, IN_DATABASE],
      [/^SOKETI_(?:CORS|INSTANCE)_/, 'is no setting: answers of the HTTP API are for backends'],
      [/^SOKETI_METRICS_DRIVER$/, 'metrics are for Prometheus'],
      [/^SOKETI_WEBHOOKS_BATCHING$/, 'webhooks are always sent in batches'],
    ],
  },
  {
    name: 'reverb',
    names: /^REVERB_/,
    idle: [
      [/^(?:VITE_|MIX_)?REVERB_(?:HOST|PORT|SCHEME|APP_KEY)$/, OF_CLIENTS],
      [
        /^BROADCAST_(?:CONNECTION|DRIVER)$/,
        'stays with the application: `reverb` speaks to this server, too',
      ],
      [/^REVERB_(?:SERVERS_REVERB_)?SCALING_/, ONE_PROCESS],
      [/^REVERB_APPS_PROVIDER$/, IN_DATABASE],
      [
        /^REVERB_(?:PULSE|TELESCOPE)_INGEST_INTERVAL$/,
        'there is no ingest: `GET /metrics` and the console show the same',
      ],
      [/^REVERB_APP_RATE_LIMIT_/, 'goes with REVERB_APP_RATE_LIMITING_ENABLED'],
      [/^REVERB_SERVER$/, 'there is one server'],
    ],
  },
  {
    name: 'pusher',
    names: /^PUSHER_(?:APP_(?:ID|KEY|SECRET|CLUSTER)|HOST|PORT|SCHEME|CLUSTER|URL)$/,
    marks: /PUSHER_(?:APP_CLUSTER|CLUSTER|HOST|PORT|SCHEME)$/,
    idle: [
      [
        /^(?:[A-Z]+_)*PUSHER_(?:APP_)?CLUSTER$/,
        'there are no clusters; clients that insist on one may have any',
      ],
      [
        /^(?:(?:VITE|MIX|NEXT_PUBLIC|REACT_APP|NUXT|EXPO_PUBLIC)_)?(?:NUXT_PUBLIC_)?PUSHER_(?:HOST|PORT|SCHEME|PATH|TIMEOUT|ENCRYPTED|(?:USE_)?TLS)$/,
        OF_CLIENTS,
      ],
      [/^(?:VITE|MIX|NEXT_PUBLIC|REACT_APP|EXPO_PUBLIC)_PUSHER_(?:APP_)?KEY$/, OF_CLIENTS],
      [
        /^BROADCAST_(?:CONNECTION|DRIVER)$/,
        'stays with the application: `pusher` speaks to this server, too',
      ],
      [/^PUSHER_BEAMS_/, 'Beams is another product'],
    ],
  },
]

export const foreignOf = (name: Foreign['name']): Foreign =>
  FOREIGN.find((row) => row.name === name)!

/** The server that an environment was written for; undefined where nothing in it is one's. */
export const recognise = (env: Environment): Foreign | undefined =>
  FOREIGN.find(({ names, marks = names }) =>
    Object.entries(env).some(([name, value]) => value && marks.test(name)),
  )

/** What a name of another server is here: a setting, nothing, or something to do in another way. */
export type Meaning =
  { readonly setting: string } | { readonly idle: string } | { readonly instead: string }

/** Undefined for a name that is not the server's. */
export function meaningOf(
  name: string,
  value: string,
  { names, idle }: Foreign,
): Meaning | undefined {
  const [, setting] = ALIASES.find(([alias]) => alias === name) ?? []
  if (setting !== undefined) return { setting }
  const unread = unreadOf(name, value)
  if (unread) return unread
  const [, why] = idle.find(([pattern]) => pattern.test(name)) ?? []
  if (why !== undefined) return { idle: why }
  return names.test(name) ? { instead: 'no such name is known' } : undefined
}
