/**
 * Routes for an app's webhooks: a report of pending, failing and dead events by endpoint, of the last
 * requests to each and of the dead letters; and their replay.
 */
import { Type, type TSchema } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Deliveries, Report } from '../core/deliveries'
import { parseRecord } from '../core/json'
import { maskWholeUrl } from '../apps/masks'
import { maskUrl } from '../apps/webhooks'
import type { AdminChanges } from './admin-changes'
import { isBlinded } from './admin-needs'
import { NOT_FOUND, WRITE_REFUSALS } from './refusals'
import { count, objectSchema } from './schemas'

const time = (description: string) =>
  Type.Integer({ description: `${description}, in milliseconds since 1970` })
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Status = orNull(Type.Integer({ description: 'Null where there was no answer' }))
const Fault = orNull(Type.String({ description: 'Null where the answer was 2xx' }))

const Totals = {
  pending: count('Events that nobody has accepted yet'),
  failing: count('Of these, the ones that were sent and not accepted'),
  dead: count('Events given up; replay sends them again'),
}

const DeliveriesAnswer = objectSchema(
  {
    data: Type.Object({
      ...Totals,
      endpoints: Type.Array(
        Type.Object({
          endpoint: Type.String({
            examples: ['https://example.org/hook'],
            description: 'Its url; name and password in it are masked',
          }),
          state: Type.Union(
            [
              Type.Literal('ok'),
              Type.Literal('failing'),
              Type.Literal('paused'),
              Type.Literal('full'),
              Type.Literal('removed'),
            ],
            {
              description:
                '`paused`: failed five times in a row, or fourteen of its last twenty requests, and is probed; `full`: as many events are kept for it as may be, dead ones among them, and new ones are dropped; `removed`: not an endpoint of the app any more',
            },
          ),
          ...Totals,
          oldest: orNull(time('When the oldest of those pending was written down')),
          attempts: Type.Array(
            Type.Object({
              at: time('When it was sent'),
              duration_ms: Type.Integer(),
              events: count('How many events it carried'),
              status: Status,
              error: Fault,
            }),
            { description: 'The last twenty requests, the newest first' },
          ),
        }),
      ),
      dead_letters: Type.Array(
        Type.Object({
          id: Type.Integer(),
          endpoint: Type.String(),
          event: Type.Object({}, { additionalProperties: true, description: 'As in a body' }),
          attempts: count('How often it was sent'),
          status: Status,
          error: Fault,
          dead_at: time('When it was given up'),
        }),
        {
          description:
            'The newest hundred of each endpoint; fewer where more than ten endpoints have any, or where they have more than a megabyte together',
        },
      ),
    }),
  },
  {
    data: {
      pending: 1,
      failing: 1,
      dead: 1,
      endpoints: [
        {
          endpoint: 'https://example.org/hook',
          state: 'failing',
          pending: 1,
          failing: 1,
          dead: 1,
          oldest: 1_700_000_000_123,
          attempts: [
            {
              at: 1_700_000_000_173,
              duration_ms: 12,
              events: 1,
              status: 503,
              error: 'answered 503',
            },
          ],
        },
      ],
      dead_letters: [
        {
          id: 7,
          endpoint: 'https://example.org/hook',
          event: { name: 'channel_occupied', channel: 'my-channel' },
          attempts: 11,
          status: null,
          error: 'no answer within 5000 ms',
          dead_at: 1_699_999_999_000,
        },
      ],
    },
  },
)
const ReplayAnswer = objectSchema(
  { data: Type.Object({ replayed: count('How many are pending again') }) },
  { data: { replayed: 1 } },
)

export function deliveries(source: Deliveries, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onAfterHandle(changes.record)
    .get(
      '/:slug/webhooks/deliveries',
      ({ request, params }) => {
        const show = isBlinded(changes.callerOf(request)) ? maskWholeUrl : maskUrl
        return { data: reportOf(source.report(changes.appOf(request, params.slug)), show) }
      },
      {
        response: { 200: DeliveriesAnswer, 404: NOT_FOUND },
        detail: {
          operationId: 'listDeliveries',
          summary: "What became of an app's webhooks",
          description:
            'Pending, failing and dead by endpoint, the last requests, the dead letters.',
        },
      },
    )
    .post(
      '/:slug/webhooks/replay',
      ({ request, params }) => {
        const app = changes.appOf(request, params.slug)
        changes.describe(request, { appId: app.id })
        const deed = changes.deedOf(request, 'webhooks.replayed')
        return { data: { replayed: source.replay(app, deed) } }
      },
      {
        response: { ...WRITE_REFUSALS, 200: ReplayAnswer, 404: NOT_FOUND },
        detail: {
          operationId: 'replayWebhooks',
          summary: "Send an app's dead letters again",
          description: 'In new bodies, with a new time and signature.',
        },
      },
    )
}

/** `show` masks urls. */
function reportOf({ endpoints, deadLetters }: Report, show: typeof maskUrl) {
  const sum = (name: keyof typeof Totals): number =>
    endpoints.reduce((total, endpoint) => total + endpoint[name], 0)
  return {
    pending: sum('pending'),
    failing: sum('failing'),
    dead: sum('dead'),
    endpoints: endpoints.map(({ attempts, endpoint, ...numbers }) => ({
      endpoint: show(endpoint),
      ...numbers,
      attempts: attempts.map(({ durationMs, ...attempt }) => ({
        ...attempt,
        duration_ms: durationMs,
      })),
    })),
    dead_letters: deadLetters.map(({ event, endpoint, deadAt, ...letter }) => ({
      ...letter,
      endpoint: show(endpoint),
      // A row that was changed by hand must not hide the others.
      event: parseRecord(event) ?? { unreadable: event },
      dead_at: deadAt,
    })),
  }
}
