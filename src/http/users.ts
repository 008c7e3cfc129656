/** Terminates the connections of a user. Spec: contract 5.5, 6.9. */
import { Elysia } from 'elysia'
import type { Core } from '../core/core'
import { andThen } from '../core/maybe-promise'
import type { UserId } from '../core/types'
import { requireSignature, type SignedAccess } from './auth'
import { jsonBody } from './body'
import { errorText, SIGNED_REFUSALS } from './refusals'
import { documentBody, EmptyAnswer, objectSchema, OPEN } from './schemas'

/** SDKs send `{}` or no body. */
const EmptyBody = objectSchema({}, {}, OPEN)

export function users(core: Core, access: SignedAccess) {
  const readBody = jsonBody(EmptyBody)
  return new Elysia({ prefix: '/apps/:appId/users', tags: ['users'] })
    .use(requireSignature(core, access))
    .post(
      '/:userId/terminate_connections',
      ({ app, params, received }) => {
        readBody(received)
        const userId = params.userId as UserId
        return andThen(core.engine.order({ type: 'terminate_user', app, userId }), () => ({}))
      },
      {
        parse: 'none',
        response: {
          200: EmptyAnswer,
          ...SIGNED_REFUSALS,
          400: errorText('Expected the body to be a JSON object'),
          413: errorText('The body of 524289 bytes exceeds the limit of 524288'),
        },
        detail: {
          operationId: 'terminateUser',
          summary: 'Close every connection that is signed in as a user',
          description:
            'With 4009: clients stay away until their program connects again. A user who is nowhere is no error.',
          ...documentBody(EmptyBody),
        },
      },
    )
}
