/** The route that tells what is wrong right now, to each caller what it may see. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Core } from '../core/core'
import type { AdminChanges } from './admin-changes'
import { isGranted, sees } from './admin-needs'
import { respondWithLists, type List } from './lists'
import { sayNodeOf } from './nodes'
import type { Problem, Problems } from './problems'
import { count, objectSchema } from './schemas'

/** Listed at most. */
const MOST = 100
/** Of a step: the text about an endpoint takes up to a millisecond. */
const PER_STEP = 2

const ProblemsAnswer = objectSchema(
  {
    data: Type.Object({
      at: Type.Number({ description: 'When it was looked at, in milliseconds since 1970' }),
      count: count(`How many there are; the worst ${MOST} are listed`),
      problems: Type.Array(
        Type.Object({
          code: Type.String({ description: 'What kind it is of; docs/operations.md has all' }),
          severity: Type.Union(
            [Type.Literal('critical'), Type.Literal('warning'), Type.Literal('notice')],
            {
              description:
                '`critical`: clients are turned away, or something is lost. `notice`: it may be meant so',
            },
          ),
          app: Type.Union(
            [
              Type.Object({ id: Type.String(), slug: Type.String(), name: Type.String() }),
              Type.Null(),
            ],
            { description: 'Null where it is about the server' },
          ),
          text: Type.String({ description: 'What was found, with figures' }),
          since: Type.Number({
            description: 'Since when, or when it was first seen, in milliseconds since 1970',
          }),
          remedy: Type.String({ description: 'What to do, or to look at first' }),
        }),
      ),
    }),
  },
  {
    data: {
      at: 1_700_000_060_123,
      count: 1,
      problems: [
        {
          code: 'webhooks_given_up',
          severity: 'warning',
          app: { id: '1', slug: 'test-app', name: 'Test App' },
          text: '3 webhook events were given up: https://example.org/hook (ok): answered 503',
          since: 1_700_000_000_123,
          remedy: 'Nothing is lost: mend the endpoint, then replay them.',
        },
      ],
    },
  },
)

export function problemRoutes(core: Core, problems: Problems, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/problems', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(sayNodeOf(core))
    .get(
      '',
      async ({ request }) => {
        const all = await problems.find()
        const caller = changes.callerOf(request)
        const isShown = ({ app }: Problem): boolean =>
          app ? sees(caller, app) : isGranted(caller, 'read')
        return respondWithProblems(core, all.filter(isShown))
      },
      {
        response: { 200: ProblemsAnswer },
        detail: {
          operationId: 'listProblems',
          summary: 'What is wrong right now, the worst first',
          description: 'With what to do. Of the apps that the caller sees, and of the server.',
        },
      },
    )
}

function respondWithProblems(core: Core, shown: readonly Problem[]): Promise<Response> {
  const head = JSON.stringify({ at: core.clock.now(), count: shown.length })
  const left = shown.slice(0, MOST)[Symbol.iterator]()
  const list: List<Problem> = {
    items: () => left.take(PER_STEP).toArray(),
    envelope: [`{"data":${head.slice(0, -1)},"problems":[`, ']}}'],
    jsonOf: (problem) => JSON.stringify(resourceOf(problem)),
  }
  return respondWithLists(core, [list as List<unknown>])
}

const resourceOf = ({ code, severity, app, text, since, remedy }: Problem) => ({
  code,
  severity,
  app: app ? { id: app.id, slug: app.record.slug, name: app.record.name } : null,
  text: typeof text === 'string' ? text : text(),
  since,
  remedy: app ? remedy.replaceAll('SLUG', app.record.slug) : remedy,
})
