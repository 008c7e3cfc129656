/**
 * Tester: sends test events, at once and beside what waits in order. No counter of deliveries counts them and nothing
 * is tried again. Owns how many an app may still send.
 *
 * A test is a webhook about a channel that nobody is in, made up so that the endpoint's filter lets it pass and every
 * receiver takes it. Where it can, the channel is occupied and vacated in one body, and nothing is left behind.
 */
import type { App } from '../core/app'
import type { AuditEntry } from '../core/audit'
import { fullBucket, take, type Bucket } from '../core/bucket'
import type { Core } from '../core/core'
import type { TestedEndpoint } from '../core/deliveries'
import { RealtimeError } from '../core/errors'
import type { Endpoint, WebhookEventName } from '../core/webhooks'
import { exchangeOf } from './exchanges'
import type { Poster } from './post'
import { signRequest } from './request'

const PER_MINUTE = 10
const RATE = { perSecond: PER_MINUTE / 60, burst: PER_MINUTE }
/** Of all apps: each may wait for as long as an endpoint may take. */
const MAX_UNDER_WAY = 20

export type TesterOptions = {
  readonly poster: Poster
  /** Called before anything is sent; throws where the audit cannot be written. */
  readonly audit: (entry: AuditEntry) => void
}

export class Tester {
  readonly #buckets = new WeakMap<App, Bucket>()
  #underWay = 0

  constructor(
    readonly core: Core,
    readonly options: TesterOptions,
  ) {}

  /** Resolves with the outcome. @throws RealtimeError('too_many_tests'), or what `audit` throws */
  async send(app: App, endpoint: Endpoint, entry: AuditEntry): Promise<TestedEndpoint> {
    this.#charge(app)
    this.options.audit(entry)
    const { clock, facts } = this.core
    const [at, began] = [clock.now(), clock.mono()]
    const events = testEvents(endpoint)
    const signed = signRequest(JSON.stringify({ time_ms: at, events }), { app, endpoint })
    const request = { ...signed, headers: { ...signed.headers, 'X-Carillon-Test': '1' } }
    this.#underWay++
    const outcome = await this.options.poster.post(request)
    this.#underWay--
    const { status, error } = outcome
    const durationMs = Math.round(clock.mono() - began)
    const attempt = { at, durationMs, events: events.length, status, error }
    const exchange = exchangeOf(request, endpoint, outcome)
    const answered = { app, endpoint: endpoint.name, attempt, exchange, isTest: true } as const
    if (facts.wants('webhook_answered', app)) facts.emit({ type: 'webhook_answered', ...answered })
    return { ...attempt, exchange }
  }

  #charge(app: App): void {
    const now = this.core.clock.mono()
    const bucket = this.#buckets.getOrInsertComputed(app, () => fullBucket(RATE, now))
    if (this.#underWay >= MAX_UNDER_WAY)
      throw new RealtimeError('too_many_tests', `${MAX_UNDER_WAY} test events are under way`, {
        retryAfterSeconds: 1,
      })
    const retryAfterSeconds = take(bucket, RATE, 1, now)
    if (retryAfterSeconds > 0)
      throw new RealtimeError(
        'too_many_tests',
        `Too many test events of one app: the limit is ${PER_MINUTE} per minute`,
        { retryAfterSeconds },
      )
  }
}

// ---------------------------------------------------------------- what is sent

const NAME = 'carillon-test'
const USER = { user_id: NAME }
const EVENT = { event: `client-${NAME}`, data: '{}', socket_id: '1.1' }

/** By preference: the first group of which the endpoint wants an event is sent. */
const GROUPS: readonly {
  readonly prefix: string
  readonly events: { readonly [Name in WebhookEventName]?: object }
}[] = [
  { prefix: '', events: { channel_occupied: {}, channel_vacated: {} } },
  { prefix: 'presence-', events: { member_added: USER, member_removed: USER } },
  { prefix: 'private-', events: { client_event: EVENT } },
  { prefix: 'cache-', events: { cache_miss: {} } },
  { prefix: '', events: { subscription_count: { subscription_count: 0 } } },
]

/** Events as they stand in a body, at least one. An endpoint that wants none gets the first group. */
function testEvents({ filter, wants }: Endpoint): readonly object[] {
  const { start, end } = filter
  const groups = GROUPS.map(({ prefix, events }) => {
    const channel = `${start === '' ? prefix : start}${NAME}${end}`
    return Object.entries(events).map(([name, fields]) => ({ name, channel, ...fields }))
  })
  const wanted = groups.map((group) =>
    group.filter(({ name, channel }) => wants(name as WebhookEventName, channel as never)),
  )
  return wanted.find((group) => group.length > 0) ?? groups[0]!
}
