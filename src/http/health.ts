/**
 * For browsers that stray in, load balancers and operators: what this is, liveness, readiness.
 */
import { Elysia } from 'elysia'
import { Type } from '@sinclair/typebox'
import type { Core } from '../core/core'
import { HTML } from './openapi'
import { page, PAGE_HEADERS } from './page'
import { folderOf } from './place'

const Ready = Type.Object({ ready: Type.Literal(true) }, { examples: [{ ready: true }] })
const NotReady = Type.Object(
  { ready: Type.Literal(false), reason: Type.String() },
  { examples: [{ ready: false, reason: 'draining' }] },
)
const Health = Type.Object({ health: Type.String() }, { examples: [{ health: 'OK' }] })

export function ops(core: Core) {
  const readiness = (operationId: string) => ({
    response: { 200: Ready, 503: NotReady },
    detail: {
      operationId,
      summary: 'Readiness: may new clients be sent here?',
      description:
        'No from the moment that the server was told to leave, and while something can no longer be written down. `reason` says what.',
    },
  })
  const ready = ({ set }: { set: { status?: number | string } }) => {
    const { draining } = core.state
    const reasons = core.readiness.all()
    if (!draining && reasons.length === 0) return { ready: true as const }
    set.status = 503
    return { ready: false as const, reason: draining ? 'draining' : reasons.join('; ') }
  }
  return new Elysia({ tags: ['operations'] })
    .get(
      '/',
      ({ request, set }) => {
        Object.assign(set.headers, PAGE_HEADERS)
        return page(folderOf(request))
      },
      {
        detail: {
          operationId: 'showStartPage',
          summary: 'What this server is, and where to go',
          description: 'For people who open its address in a browser.',
          ...HTML,
        },
      },
    )
    .options(
      '/', // what HAProxy checks servers with, unless it is told what to ask
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
    .get('/ready', ready, readiness('isReady'))
    .get('/accept-traffic', ready, readiness('acceptsTraffic'))
}
