/** Routes for operators and load balancers: liveness and readiness; and the start page. */
import { Elysia } from 'elysia'
import { Type } from '@sinclair/typebox'
import type { Core } from '../core/core'
import type { NodeReport } from '../core/node-report'
import { HTML_ANSWER } from './openapi'
import { PAGE_HEADERS, startPage } from './pages'
import { folderOf } from './place'
import { differencesOf, namesakesOf, warningsOf } from './problem-rows-of-nodes'
import { objectSchema } from './schemas'

const Ready = objectSchema(
  {
    ready: Type.Literal(true),
    differences: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'What another node has otherwise, names that several have, what Redis should not be like: nothing is red for it',
      }),
    ),
  },
  { ready: true },
)
const NotReady = objectSchema(
  { ready: Type.Literal(false), reason: Type.String() },
  { ready: false, reason: 'draining' },
)
const Health = objectSchema({ health: Type.String() }, { health: 'OK' })

type OperationsOptions = {
  readonly side: string | undefined
  readonly reference: unknown
  readonly console: unknown
}

/** One line for each; values are for admins. */
const namedDifferencesOf = (node: NodeReport): string[] =>
  differencesOf(node).map((what) => `${what} is another on ${node.name}`)

export function operations(core: Core, { side, reference, console }: OperationsOptions) {
  const page = {
    isForAdmins: side === 'admin',
    hasReference: reference !== undefined,
    hasConsole: console !== undefined,
  }
  const readiness = (operationId: string) => ({
    response: { 200: Ready, 503: NotReady },
    detail: {
      operationId,
      summary: 'Readiness: may new clients be sent here?',
      description:
        'No from the moment that the server was told to leave, and while something can no longer be written down. `reason` says what.',
    },
  })
  const checkReadiness = ({ set }: { set: { status?: number | string } }) => {
    const { draining } = core.state
    const reasons = core.readiness.all()
    if (!draining && reasons.length === 0) {
      const named = core.engine.nodes().flatMap(namedDifferencesOf)
      const warnings = warningsOf(core).map((text) => `Redis: ${text}`)
      const alike = namesakesOf(core).map(([name]) => `several nodes are called ${name}`)
      const differences = [...warnings, ...alike, ...named]
      return { ready: true as const, ...(differences.length > 0 && { differences }) }
    }
    set.status = 503
    return { ready: false as const, reason: draining ? 'draining' : reasons.join('; ') }
  }
  return new Elysia({ tags: ['operations'] })
    .get(
      '/',
      ({ request, set }) => {
        Object.assign(set.headers, PAGE_HEADERS)
        return startPage(folderOf(request), page)
      },
      {
        detail: {
          operationId: 'showStartPage',
          summary: 'What this server is, and where to go',
          description: 'For people who open its address in a browser.',
          ...HTML_ANSWER,
        },
      },
    )
    .options(
      '/', // the default probe of HAProxy
      ({ set }) => {
        set.status = 204
        set.headers['allow'] = 'GET, HEAD, OPTIONS'
        return ''
      },
      { detail: { hide: true } },
    )
    .get('/up', () => ({ health: 'OK' }), {
      response: Health,
      detail: {
        operationId: 'isUp',
        summary: 'Liveness: does the process answer?',
        description: 'Nothing is looked at but the process itself.',
      },
    })
    .get('/ready', checkReadiness, readiness('isReady'))
    .get('/accept-traffic', checkReadiness, readiness('acceptsTraffic'))
}
