/**
 * rate-limit: limits how often an address may connect, what a connection may send, and how many requests an
 * app's backend may send. LIMITS (`limits.ts`) is the table. Options change its rows:
 *
 *     rateLimit({
 *       frames: { perSecond: 50, burst: 2000 },
 *       triggers: { perSecond: 100 },
 *       clientEvents: false,
 *       apps: { '7': { triggers: { perSecond: 1000 } } },
 *     })
 *
 * An address that connects too often is closed with 4100, after which clients back off and reconnect; a
 * message too many is answered with 4301 and the connection stays; HTTP answers 429 with `Retry-After`.
 * Answers under a quota show it in `x-ratelimit-limit` and `x-ratelimit-remaining`.
 *
 * State: a connection's buckets are in its `locals` and die with it; the others are in the store, which
 * is bounded. Nothing here waits.
 */
import { definePlugin, type Hooks, type Plugin, type PluginContext } from 'carillon/plugin'
import { networkTest } from './addresses'
import { connectionHooks, createLocals, upgradeGate, type Locals } from './connections'
import { NAME, LIMITS, optionError, readRules, type LimitName, type LimitOptions } from './limits'
import { requestHooks } from './requests'
import { MemoryStore, type LimitStore, type Take } from './store'

export type RateLimitOptions = LimitOptions & {
  /** Addresses and networks that may connect, and call routes, as often as they like; replaces EXEMPT. */
  readonly exempt?: readonly string[]
  /** Where buckets of addresses and apps are kept; the memory of this process if absent. */
  readonly store?: LimitStore
  /** How many addresses and apps that memory holds; 100 000 if absent. */
  readonly maxKeys?: number
}

/**
 * Loopback, private and shared networks. Such an address is usually that of a proxy that nobody has named,
 * and all clients behind it would be counted as one. No client of the internet has one.
 */
const EXEMPT = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1',
  'fc00::/7',
  'fe80::/10',
]

const MAX_KEYS = 100_000

/** @throws Error, at the server's start, that names the first bad option in one line */
export function rateLimit(options: RateLimitOptions = {}): Plugin<Locals> {
  return definePlugin({
    name: NAME,
    carillon: 1,
    locals: createLocals,
    setup: (context) => hooksOf(context, options),
  })
}

function hooksOf(context: PluginContext, options: RateLimitOptions): Hooks<Locals> {
  checkNames(options)
  const book = readRules(options, (name) => context.counter(name, aboutRefusals(name)))
  const store = readStore(options)
  const now = options.store ? context.clock.now : context.clock.mono
  const take: Take = (key, rate, cost) => store.take(key, rate, cost, now())
  const isExempt = readExempt(options.exempt ?? EXEMPT)
  const hooks: Hooks<Locals> = {
    upgrade: upgradeGate({ rule: book.everybody.connects, take, isExempt }),
    ...connectionHooks(context, book),
    ...requestHooks(book, take, isExempt),
  }
  // Hooks that no rule needs are left out, so that they cost nothing.
  return Object.fromEntries(Object.entries(hooks).filter(([name]) => book.hooks.has(name)))
}

const aboutRefusals = (name: LimitName): string =>
  `What was refused because of too many ${LIMITS[name].about}`

const OPTIONS = [...Object.keys(LIMITS), 'apps', 'exempt', 'store', 'maxKeys']

function checkNames(options: object): void {
  for (const [name, value] of Object.entries(options))
    if (!OPTIONS.includes(name)) throw optionError(name, value, `one of ${OPTIONS.join(', ')}`)
}

function readStore({ store, maxKeys = MAX_KEYS }: RateLimitOptions): LimitStore {
  if (!Number.isInteger(maxKeys) || maxKeys < 1)
    throw optionError('maxKeys', maxKeys, 'a whole number above 0')
  if (store !== undefined && typeof store?.take !== 'function')
    throw optionError('store', store, 'an object with a function take')
  return store ?? new MemoryStore(maxKeys)
}

function readExempt(networks: readonly string[]): (address: string) => boolean {
  if (!Array.isArray(networks)) throw optionError('exempt', networks, 'a list')
  return networkTest(networks)
}
