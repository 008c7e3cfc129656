/**
 * LIMITS: what is limited, by what it is counted, and how much of it an innocent client may need at once.
 * Options change its rows; rules are made of both.
 *
 * The bursts are chosen for innocents. A stopping server sends all clients away at once and all of them
 * reconnect at once; an office, a fleet or a carrier has one address; a client subscribes to all that it may
 * hold in one go. What they allow is still far from what it takes to hurt a server.
 */
import { reject, type AppView, type Counter, type Rate, type Reject } from 'carillon/plugin'

/** So many per second or minute, and `burst` at once (as many as in that time, if absent). */
export type RateOption = { readonly burst?: number } & (
  { readonly perSecond: number } | { readonly perMinute: number }
)

type LimitRow = {
  readonly by: 'address' | 'connection' | 'app'
  /** `false` where only options switch it on. */
  readonly default: RateOption | false
  /** Hooks that run where it is on. */
  readonly hooks: readonly string[]
  readonly about: string
}

export const LIMITS = {
  // Ten thousand browsers behind one address reconnect in one wave; more of them are told to retry later,
  // and do, a hundred a second.
  connects: {
    by: 'address',
    default: { perSecond: 100, burst: 10_000 },
    hooks: ['upgrade'],
    about: 'connections of one address',
  },
  // A page that leaves its 2000 channels for 2000 others has sent 6000 messages by then. In the long
  // run 500 a second are far above the client events that an app may want to allow, and still cheap.
  frames: {
    by: 'connection',
    default: { perSecond: 500, burst: 10_000 },
    hooks: ['frame'],
    about: 'messages of one connection',
  },
  // Core has a limit of its own, per app (maxClientEventsPerSecond); this one is shared by nothing.
  clientEvents: {
    by: 'connection',
    default: false,
    hooks: ['clientEvent'],
    about: 'client events of one connection',
  },
  // All 2000 channels that a connection may hold, and 2000 others in their place.
  subscribes: {
    by: 'connection',
    default: { perSecond: 100, burst: 4000 },
    hooks: ['subscribe'],
    about: 'subscribes of one connection',
  },
  // A client whose token has expired is refused in all of its 2000 channels at once, and is no attacker.
  refused: {
    by: 'connection',
    default: { perSecond: 10, burst: 2000 },
    hooks: ['frame', 'subscribe', 'refused'],
    about: 'refused attempts of one connection',
  },
  triggers: {
    by: 'app',
    default: false,
    hooks: ['request', 'response'],
    about: 'triggers of one app',
  },
  reads: { by: 'app', default: false, hooks: ['request', 'response'], about: 'reads of one app' },
  // Who calls them, and how often, only their plugin knows.
  routes: {
    by: 'address',
    default: false,
    hooks: ['request', 'response'],
    about: 'requests of one address to routes of plugins',
  },
} as const satisfies Record<string, LimitRow>

export type LimitName = keyof typeof LIMITS
type RowsBy<By> = {
  [Name in LimitName]: (typeof LIMITS)[Name]['by'] extends By ? Name : never
}[LimitName]
export type ConnectionLimit = RowsBy<'connection'>
export type AppLimit = RowsBy<'app' | 'connection'>

export type LimitOptions = { readonly [Name in LimitName]?: RateOption | false } & {
  /** By app id, for rows that are counted by connection or by app. */
  readonly apps?: {
    readonly [appId: string]: { readonly [Name in AppLimit]?: RateOption | false }
  }
}

/** A limit that is on. */
export type Rule = {
  readonly name: LimitName
  readonly rate: Rate
  /** The message of its refusals. */
  readonly message: string
  readonly counter: Counter
}

export type Rules = { readonly [Name in LimitName]: Rule | undefined }
export type RuleBook = {
  readonly everybody: Rules
  /** The rules for a connection of an app, or a request to one. */
  of(app: AppView | undefined): Rules
  /** Names of the hooks that some rule needs. */
  readonly hooks: ReadonlySet<string>
}

/** The plugin's name. */
export const NAME = 'rate-limit'

const NAMES = Object.keys(LIMITS) as LimitName[]
const APP_NAMES = NAMES.filter((name) => LIMITS[name].by !== 'address')

/**
 * `createCounter` is called once for each row that is on anywhere.
 * @throws Error with the first mistake, in one line
 */
export function readRules(
  options: LimitOptions,
  createCounter: (name: LimitName) => Counter,
): RuleBook {
  const rules: Rule[] = []
  const ruleOf = (name: LimitName, option: unknown, where: string): Rule | undefined => {
    if (option === false) return undefined
    const counter = rules.find((rule) => rule.name === name)?.counter ?? createCounter(name)
    const rule = createRule(name, readRate(option, where), counter)
    rules.push(rule)
    return rule
  }
  const everybody = Object.fromEntries(
    NAMES.map((name) => [name, ruleOf(name, options[name] ?? LIMITS[name].default, name)]),
  ) as Rules
  const byApp = new Map<string, Rules>()
  for (const [appId, given] of Object.entries(readRecord(options.apps ?? {}, 'apps'))) {
    const own = Object.entries(readRecord(given, `apps.${appId}`)).map(([name, option]) => {
      const where = `apps.${appId}.${name}`
      if (!isAppLimit(name)) throw optionError(where, option, `one of ${APP_NAMES.join(', ')}`)
      return [name, ruleOf(name, option, where)]
    })
    byApp.set(appId, { ...everybody, ...Object.fromEntries(own) })
  }
  return {
    everybody,
    of: (app) => (app && byApp.get(app.id)) ?? everybody,
    hooks: new Set(rules.flatMap(({ name }) => [...LIMITS[name].hooks])),
  }
}

const isAppLimit = (name: string): name is AppLimit => APP_NAMES.includes(name as LimitName)

/** Counts the refusal, and says when to retry. */
export function refuse({ message, counter }: Rule, waitSeconds: number): Reject {
  counter.count++
  return reject(message, { retryAfterSeconds: waitSeconds })
}

type RateNumbers = {
  readonly every: 'second' | 'minute'
  readonly most: number
  readonly burst: number
}

function createRule(name: LimitName, { every, most, burst }: RateNumbers, counter: Counter): Rule {
  const atOnce = burst === most ? '' : `, ${burst} at once`
  return {
    name,
    rate: { perSecond: every === 'minute' ? most / 60 : most, burst },
    message: `Too many ${LIMITS[name].about}: the limit is ${most} per ${every}${atOnce} (${name})`,
    counter,
  }
}

const FIELDS = ['perSecond', 'perMinute', 'burst']

function readRate(option: unknown, where: string): RateNumbers {
  const given = readRecord(option, where, 'false or a rate such as { perSecond: 100 }')
  for (const field of Object.keys(given))
    if (!FIELDS.includes(field))
      throw optionError(`${where}.${field}`, given[field], `one of ${FIELDS.join(', ')}`)
  const every = given['perSecond'] === undefined ? 'minute' : 'second'
  const field = every === 'minute' ? 'perMinute' : 'perSecond'
  if (every === 'second' && given['perMinute'] !== undefined)
    throw optionError(`${where}.perMinute`, given['perMinute'], 'nothing beside perSecond')
  const most = given[field]
  if (typeof most !== 'number' || !Number.isFinite(most) || most <= 0)
    throw optionError(
      most === undefined ? where : `${where}.${field}`,
      most ?? option,
      'perSecond or perMinute, a number above 0',
    )
  const burst = given['burst'] ?? Math.max(1, most)
  if (typeof burst !== 'number' || !Number.isFinite(burst) || burst < 1)
    throw optionError(`${where}.burst`, burst, 'a number of at least 1')
  return { every, most, burst }
}

function readRecord(
  value: unknown,
  where: string,
  expected = 'an object',
): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw optionError(where, value, expected)
}

/** One line that names option, value and expectation. */
export const optionError = (option: string, value: unknown, expected: string): Error =>
  new Error(`${option}=${JSON.stringify(value)}: expected ${expected}`)
