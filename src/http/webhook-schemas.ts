/** What the routes about an app's webhooks have in common: their schemas, and how an endpoint is found and shown. */
import { Type, type TSchema } from '@sinclair/typebox'
import type { Context } from 'elysia'
import { maskWholeUrl } from '../apps/masks'
import { maskUrl } from '../apps/webhooks'
import type { App } from '../core/app'
import type { DeadLetter, Deliveries, Exchange, TestedEndpoint } from '../core/deliveries'
import { RealtimeError } from '../core/errors'
import { parseRecord } from '../core/json'
import { endpointsOf } from '../core/webhooks'
import { isBlinded, type Caller } from './admin-needs'
import { count } from './schemas'

export const time = (description: string) =>
  Type.Integer({ description: `${description}, in milliseconds since 1970` })
export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
export const Status = orNull(Type.Integer({ description: 'Null where there was no answer' }))
export const Fault = orNull(Type.String({ description: 'Null where the answer was 2xx' }))

const URL_DESCRIPTION = 'Its url; name and password in it are masked'
export const EndpointUrl = Type.String({
  examples: ['https://example.org/hook'],
  description: URL_DESCRIPTION,
})
export const EndpointId = Type.String({ description: 'Names the endpoint in urls' })
export const EXAMPLE_ID = '0123456789abcdef'

// ---------------------------------------------------------------- requests

export const AttemptFields = {
  at: time('When it was sent'),
  duration_ms: Type.Integer(),
  events: count('How many events it carried'),
  status: Status,
  error: Fault,
}
export const ATTEMPT = {
  at: 1_700_000_000_173,
  duration_ms: 12,
  events: 1,
  status: 503,
  error: 'answered 503',
}

const ExchangeFields = Type.Object({
  headers: Type.Record(Type.String(), Type.String(), {
    description: 'Values of your own are `***`; so is the signature for who only reads',
  }),
  body: Type.String({ description: 'As it was signed; of a long one the first 16 384 bytes' }),
  body_bytes: Type.Integer({ description: 'The length of the whole' }),
})
export const ExchangedFields = {
  request: orNull(ExchangeFields),
  answer: orNull(
    Type.String({
      description: 'Its first 1024 bytes, for those who see and change the whole server; else null',
    }),
  ),
}
export const EXCHANGED = {
  request: {
    headers: { 'Content-Type': 'application/json', 'X-Pusher-Key': 'test-app-fake-key' },
    body: '{"time_ms":1700000000123,"events":[{"name":"channel_occupied","channel":"room"}]}',
    body_bytes: 82,
  },
  answer: 'maintenance',
}

/** The mask of a signature, too: with it and the body one could send the request again. */
const MASK = '***'
const SIGNATURE = 'X-Pusher-Signature'

/**
 * An app's token may set any url: it would read answers of services that only the server reaches. And an answer may
 * repeat the secrets of its request.
 */
const seesAnswers = ({ token }: Caller): boolean => !token || token.grant === 'all'

export function showExchange(caller: Caller, exchange: Exchange | undefined) {
  if (!exchange) return { request: null, answer: null }
  const { headers, body, bodyBytes, answer } = exchange
  const shown = isBlinded(caller) ? { ...headers, [SIGNATURE]: MASK } : headers
  return {
    request: { headers: shown, body, body_bytes: bodyBytes },
    answer: seesAnswers(caller) ? answer : null,
  }
}

export const showTested = (caller: Caller, { exchange, durationMs, ...rest }: TestedEndpoint) => ({
  ...rest,
  duration_ms: durationMs,
  ...showExchange(caller, exchange),
})

// ---------------------------------------------------------------- dead letters

export const DeadLetterFields = Type.Object({
  id: Type.Integer(),
  endpoint: Type.String(),
  event: Type.Object({}, { additionalProperties: true, description: 'As in a body' }),
  attempts: count('How often it was sent'),
  status: Status,
  error: Fault,
  dead_at: time('When it was given up'),
})
export const DEAD_LETTER = {
  id: 7,
  endpoint: 'https://example.org/hook',
  event: { name: 'channel_occupied', channel: 'my-channel' },
  attempts: 11,
  status: null,
  error: 'no answer within 5000 ms',
  dead_at: 1_699_999_999_000,
}

export const showDeadLetter =
  (show: ShowUrl) =>
  ({ event, endpoint, deadAt, ...letter }: DeadLetter) => ({
    ...letter,
    endpoint: show(endpoint),
    // A row that was changed by hand must not hide the others.
    event: parseRecord(event) ?? { unreadable: event },
    dead_at: deadAt,
  })

// ---------------------------------------------------------------- endpoints

export type ShowUrl = (url: string) => string

/** How endpoints are shown to who asks. */
export const urlsFor = (caller: Caller): ShowUrl => (isBlinded(caller) ? maskWholeUrl : maskUrl)

/**
 * The name of an endpoint, by its id or by its url as it is shown, where that is of one alone.
 * @throws RealtimeError('admin_not_found')
 */
export function endpointOf(source: Deliveries, app: App, given: string, show: ShowUrl): string {
  const byId = source.endpointById(app, given)
  if (byId !== undefined) return byId
  const [name, another] = endpointsOf(app)
    .map((endpoint) => endpoint.name)
    .filter((endpoint) => show(endpoint) === given)
  if (name === undefined || another !== undefined)
    throw new RealtimeError('admin_not_found', 'Not Found')
  return name
}

/** Says which of several servers answers: each has sent its own webhooks. */
export function sayNode({ node }: Deliveries, set: Pick<Context['set'], 'headers'>): void {
  if (node !== undefined) set.headers['x-carillon-node'] = node
}
