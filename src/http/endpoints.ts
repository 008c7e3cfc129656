/** Routes for one endpoint of an app's webhooks: its last requests; a test event; a pause, and its end. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { maskWholeUrl } from '../apps/masks'
import type { App } from '../core/app'
import type { Action } from '../core/audit'
import type { Deliveries } from '../core/deliveries'
import type { AdminChanges } from './admin-changes'
import { errorText, NOT_FOUND, WRITE_REFUSALS } from './refusals'
import { count, objectSchema } from './schemas'
import {
  ATTEMPT,
  AttemptFields,
  EndpointId,
  endpointOf,
  EndpointUrl,
  EXAMPLE_ID,
  EXCHANGED,
  ExchangedFields,
  orNull,
  sayNode,
  showExchange,
  showTested,
  time,
  urlsFor,
} from './webhook-schemas'

const RequestsAnswer = objectSchema(
  {
    data: Type.Array(
      Type.Object({
        number: count('It is the so many-th request to the endpoint'),
        ...AttemptFields,
        ...ExchangedFields,
      }),
    ),
  },
  { data: [{ number: 1, ...ATTEMPT, ...EXCHANGED }] },
)
const TestAnswer = objectSchema(
  { data: Type.Object({ ...AttemptFields, ...ExchangedFields }) },
  { data: { ...ATTEMPT, ...EXCHANGED } },
)
const PauseAnswer = objectSchema(
  {
    data: Type.Object({
      id: EndpointId,
      endpoint: EndpointUrl,
      paused_at: orNull(time('Since when it is paused; null where it is not')),
    }),
  },
  { data: { id: EXAMPLE_ID, endpoint: 'https://example.org/hook', paused_at: 1_700_000_000_123 } },
)

type Names = { readonly slug: string; readonly endpoint: string }

export function endpoints(source: Deliveries, changes: AdminChanges) {
  const find = (request: Request, names: Names): { readonly app: App; readonly name: string } => {
    const app = changes.appOf(request, names.slug)
    const show = urlsFor(changes.callerOf(request))
    return { app, name: endpointOf(source, app, names.endpoint, show) }
  }
  const findToChange = (request: Request, names: Names, action: Action) => {
    const { app, name } = find(request, names)
    changes.describe(request, { appId: app.id })
    const deed = { ...changes.deedOf(request, action), target: maskWholeUrl(name) }
    return { app, name, deed }
  }
  const showPause = (request: Request, app: App, name: string) => ({
    data: {
      id: source.idOf(app, name),
      endpoint: urlsFor(changes.callerOf(request))(name),
      paused_at: source.pausedAt(app, name),
    },
  })
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(({ set }) => sayNode(source, set))
    .onAfterHandle(changes.record)
    .get(
      '/:slug/webhooks/endpoints/:endpoint/requests',
      ({ request, params }) => {
        const { app, name } = find(request, params)
        const caller = changes.callerOf(request)
        const shown = source.requests(app, name).map(({ exchange, durationMs, ...attempt }) => ({
          ...attempt,
          duration_ms: durationMs,
          ...showExchange(caller, exchange),
        }))
        return { data: shown }
      },
      {
        response: { 200: RequestsAnswer, 404: NOT_FOUND },
        detail: {
          operationId: 'listEndpointRequests',
          summary: 'The last requests to an endpoint, with their bodies',
          description:
            'The newest first. Bodies are kept in memory only: `request` is null for those from before the start.',
        },
      },
    )
    .post(
      '/:slug/webhooks/endpoints/:endpoint/test',
      async ({ request, params }) => {
        const { app, name, deed } = findToChange(request, params, 'webhook.tested')
        const caller = changes.callerOf(request)
        return { data: showTested(caller, await source.test(app, name, deed)) }
      },
      {
        response: { ...WRITE_REFUSALS, 200: TestAnswer, 404: NOT_FOUND, 429: TOO_MANY_TESTS },
        detail: {
          operationId: 'testEndpoint',
          summary: 'Send a test event to an endpoint',
          description:
            'At once, also while it is paused. Answered when the endpoint has answered, or its time is over.',
        },
      },
    )
    .post(
      '/:slug/webhooks/endpoints/:endpoint/pause',
      async ({ request, params }) => {
        const { app, name, deed } = findToChange(request, params, 'webhook.paused')
        await source.pause(app, name, deed)
        return showPause(request, app, name)
      },
      {
        response: { ...WRITE_REFUSALS, 200: PauseAnswer, 404: NOT_FOUND },
        detail: {
          operationId: 'pauseEndpoint',
          summary: 'Pause an endpoint: its events wait',
          description: 'Also over a restart. The request under way ends as it ends.',
        },
      },
    )
    .post(
      '/:slug/webhooks/endpoints/:endpoint/resume',
      async ({ request, params }) => {
        const { app, name, deed } = findToChange(request, params, 'webhook.resumed')
        await source.resume(app, name, deed)
        return showPause(request, app, name)
      },
      {
        response: { ...WRITE_REFUSALS, 200: PauseAnswer, 404: NOT_FOUND },
        detail: {
          operationId: 'resumeEndpoint',
          summary: 'Resume an endpoint: what waited is sent',
          description: 'In order, and for five more minutes.',
        },
      },
    )
}

const TOO_MANY_TESTS = errorText('Too many test events of one app: the limit is 10 per minute')
