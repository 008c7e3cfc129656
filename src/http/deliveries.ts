/**
 * The report on an app's webhooks: pending, failing and dead events by endpoint, the last requests to each and the
 * newest dead letters.
 */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Deliveries, Report } from '../core/deliveries'
import type { AdminChanges } from './admin-changes'
import { quote } from '../core/errors'
import { FieldError } from './errors'
import { fieldErrors, NOT_FOUND } from './refusals'
import { count, objectSchema, OPEN, textSchema } from './schemas'
import {
  ATTEMPT,
  AttemptFields,
  DEAD_LETTER,
  DeadLetterFields,
  EndpointId,
  EndpointUrl,
  EXAMPLE_ID,
  orNull,
  sayNode,
  showDeadLetter,
  time,
  urlsFor,
  type ShowUrl,
} from './webhook-schemas'

/** Dead letters of an endpoint. */
const MOST_DEAD = 100

const Parameters = Type.Object(
  {
    dead: Type.Optional(
      textSchema(`Dead letters of an endpoint at most, 0 to ${MOST_DEAD}; else ${MOST_DEAD}`, '0'),
    ),
  },
  OPEN,
)

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
          id: EndpointId,
          endpoint: EndpointUrl,
          state: Type.Union(
            [
              Type.Literal('ok'),
              Type.Literal('failing'),
              Type.Literal('probed'),
              Type.Literal('paused'),
              Type.Literal('full'),
              Type.Literal('removed'),
            ],
            {
              description:
                '`probed`: failed five times in a row, or fourteen of its last twenty requests, and gets one event at a time; `paused`: somebody has paused it; `full`: as many events are kept for it as may be, dead ones among them, and new ones are dropped; `removed`: not an endpoint of the app any more',
            },
          ),
          ...Totals,
          oldest: orNull(time('When the oldest of those pending was written down')),
          paused_at: orNull(time('Since when it is paused; null where it is not')),
          attempts: Type.Array(
            Type.Object({ number: count('Of the request to the endpoint'), ...AttemptFields }),
            { description: 'The last twenty requests, the newest first' },
          ),
        }),
      ),
      dead_letters: Type.Array(DeadLetterFields, {
        description:
          'The newest hundred of each endpoint; fewer where more than ten endpoints have any, or where they have more than a megabyte together',
      }),
    }),
  },
  {
    data: {
      pending: 1,
      failing: 1,
      dead: 1,
      endpoints: [
        {
          id: EXAMPLE_ID,
          endpoint: 'https://example.org/hook',
          state: 'failing',
          pending: 1,
          failing: 1,
          dead: 1,
          oldest: 1_700_000_000_123,
          paused_at: null,
          attempts: [{ number: 1, ...ATTEMPT }],
        },
      ],
      dead_letters: [DEAD_LETTER],
    },
  },
)
export function deliveries(source: Deliveries, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(({ set }) => sayNode(source, set))
    .get(
      '/:slug/webhooks/deliveries',
      ({ request, params, query }) => {
        const show = urlsFor(changes.callerOf(request))
        const app = changes.appOf(request, params.slug)
        return { data: reportOf(source.report(app, readDead(query.dead)), show) }
      },
      {
        query: Parameters,
        response: {
          200: DeliveriesAnswer,
          404: NOT_FOUND,
          422: fieldErrors({ dead: [`is x; expected a number from 0 to ${MOST_DEAD}`] }),
        },
        detail: {
          operationId: 'listDeliveries',
          summary: "What became of an app's webhooks",
          description:
            'Pending, failing and dead by endpoint, the last requests, the dead letters.',
        },
      },
    )
}

/** @throws FieldError */
function readDead(raw = String(MOST_DEAD)): number {
  const most = /^\d{1,3}$/.test(raw) ? Number(raw) : Infinity
  if (most <= MOST_DEAD) return most
  throw new FieldError({ dead: [`is ${quote(raw)}; expected a number from 0 to ${MOST_DEAD}`] })
}

/** `show` masks urls. */
function reportOf({ endpoints, deadLetters }: Report, show: ShowUrl) {
  const sum = (name: keyof typeof Totals): number =>
    endpoints.reduce((total, endpoint) => total + endpoint[name], 0)
  return {
    pending: sum('pending'),
    failing: sum('failing'),
    dead: sum('dead'),
    endpoints: endpoints.map(({ attempts, endpoint, pausedAt, ...numbers }) => ({
      endpoint: show(endpoint),
      ...numbers,
      paused_at: pausedAt,
      attempts: attempts.map(({ durationMs, ...attempt }) => ({
        ...attempt,
        duration_ms: durationMs,
      })),
    })),
    dead_letters: deadLetters.map(showDeadLetter(show)),
  }
}
