/**
 * Routes for admins that create, list and delete revocations. Bodies are read and checked here, so that
 * errors name the field.
 */
import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { PluginContext } from 'carillon/plugin'
import { MAX_ID_CHARS } from './claims'
import type { NamedRevocation, Revocation } from './revocations'

/** The deeds of the routes, without HTTP. */
export type RevocationActions = {
  /** How long a revocation without `until` lasts; undefined for an app that does not exist. */
  lifetimeSeconds(app: string): number | undefined
  revoke(revocation: Revocation): Promise<NamedRevocation>
  /** See `Revocations`. */
  pages(): () => Promise<NamedRevocation[]>
  remove(id: string): Promise<boolean>
}

const id = (description: string, example: string) =>
  Type.String({ minLength: 1, maxLength: MAX_ID_CHARS, description, examples: [example] })
const seconds = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 99_999_999_999, description, examples: [1_767_225_600] })
const orNull = (description: string) => Type.Union([Type.String(), Type.Null()], { description })

const RevocationBody = Type.Object(
  {
    app: id('Id of the app', '1'),
    jti: Type.Optional(id('The token with this `jti`', 'a-token')),
    user: Type.Optional(
      Type.Union([id('As in `sub`', '42'), Type.Integer()], {
        description: 'All tokens of this user that were issued up to now, or do not say when',
      }),
    ),
    until: Type.Optional(
      seconds('Epoch seconds. Default: when the longest-lived token will be over'),
    ),
  },
  { examples: [{ app: '1', user: '42' }] },
)

const Resource = Type.Object({
  id: Type.String({ description: 'Its name in paths' }),
  app: Type.String(),
  jti: orNull('The token, where one is revoked'),
  user: orNull('The user, where one is'),
  revoked_at: Type.Integer({ description: 'Epoch seconds' }),
  until: Type.Integer({ description: 'Epoch seconds' }),
})
const EXAMPLE = {
  id: '43KKFH__dUn4hFExlBUP3Z',
  app: '1',
  jti: null,
  user: '42',
  revoked_at: 1_767_225_600,
  until: 1_769_817_600,
}
const Answer = Type.Object({ data: Resource }, { examples: [{ data: EXAMPLE }] })
const ListAnswer = Type.Object({ data: Type.Array(Resource) }, { examples: [{ data: [EXAMPLE] }] })
const errors = (example: FieldErrors) =>
  Type.Object(
    {
      errors: Type.Object(
        {},
        {
          additionalProperties: Type.Union([Type.Array(Type.String()), Type.String()]),
          description: 'What is wrong, by field; or `detail`',
        },
      ),
    },
    { examples: [{ errors: example }] },
  )
const BadRequest = errors({ detail: 'Bad Request' })
const TooLarge = errors({ detail: 'The body of 1048577 bytes exceeds the limit of 1048576' })
const Invalid = errors({ app: [`must be text of 1 to ${MAX_ID_CHARS} characters`] })
const NotFound = errors({ detail: 'Not Found' })

/** Not a schema of the route: the framework would check it and answer in its own form. */
const REVOCATION_ID = {
  name: 'id',
  in: 'path' as const,
  required: true,
  description: 'Id of the revocation',
  schema: { type: 'string' as const },
  example: EXAMPLE.id,
}

/** What each field must be. */
const MUST_BE: Readonly<Record<keyof Static<typeof RevocationBody>, string>> = {
  app: `must be text of 1 to ${MAX_ID_CHARS} characters`,
  jti: `must be text of 1 to ${MAX_ID_CHARS} characters`,
  user: `must be text of 1 to ${MAX_ID_CHARS} characters, or a whole number`,
  until: 'must be in whole seconds since 1970',
}

/** Ten times the longest body: a megabyte of brackets takes 20 ms to parse. */
const MAX_CHARS = 65_536
const TOO_LONG = `A revocation has at most ${MAX_CHARS} characters`

type FieldErrors = Readonly<Record<string, readonly string[] | string>>
/** The part of the framework's context that the routes use. */
type Context = {
  readonly request: Request
  readonly params: Readonly<Record<string, string>>
  readonly set: { status?: number | string }
}

export function addRoutes(context: PluginContext, actions: RevocationActions): void {
  const { routes, adminOnly, readBody, clock } = context
  const checker = TypeCompiler.Compile(RevocationBody)

  async function create({
    request,
    set,
  }: Context): Promise<Static<typeof Answer> | Static<typeof Invalid>> {
    const text = await readBody(request)
    if (text.length > MAX_CHARS) return refuse(set, 413, { detail: TOO_LONG })
    const body = parse(text)
    if (!body) return refuse(set, 400, { detail: 'Bad Request' })
    if (!checker.Check(body)) {
      const field = checker.Errors(body).First()?.path.split('/')[1] ?? ''
      return refuse(set, 422, { [field]: [MUST_BE[field as keyof typeof MUST_BE]] })
    }
    const revocation = readRevocation(body, actions, Math.floor(clock.now() / 1000))
    if ('errors' in revocation) return refuse(set, 422, revocation.errors)
    set.status = 201
    return { data: await actions.revoke(revocation) }
  }

  routes
    .get('/revocations', () => context.listInSlices(actions.pages()), {
      beforeHandle: adminOnly,
      response: { 200: ListAnswer },
      detail: {
        operationId: 'listRevocations',
        summary: 'List the revocations that are not over',
        description: 'Of all apps.',
      },
    })
    .post('/revocations', create, {
      beforeHandle: adminOnly,
      parse: 'none',
      response: { 201: Answer, 400: BadRequest, 413: TooLarge, 422: Invalid },
      detail: {
        operationId: 'createRevocation',
        summary: 'Revoke a token, or all tokens that a user has',
        description:
          'By `jti` or by `user`. Connections that rest on such a token are closed at once with 4009.',
        requestBody: {
          required: true,
          content: { 'application/json': { schema: RevocationBody as object } },
        },
      },
    })
    .delete(
      '/revocations/:id',
      async ({ params, set }: Context) => {
        if (!(await actions.remove(params['id'] ?? '')))
          return refuse(set, 404, { detail: 'Not Found' })
        set.status = 204
        return ''
      },
      {
        beforeHandle: adminOnly,
        response: { 204: Type.Literal(''), 404: NotFound },
        detail: {
          operationId: 'deleteRevocation',
          summary: 'Take a revocation back',
          description: 'Tokens that it refused are accepted again.',
          parameters: [REVOCATION_ID],
        },
      },
    )
}

function refuse(
  set: Context['set'],
  status: number,
  errors: FieldErrors,
): { errors: Record<string, string[] | string> } {
  set.status = status
  return { errors: errors as Record<string, string[] | string> }
}

function parse(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? body : undefined
  } catch {
    return undefined // SyntaxError, or RangeError for text nested too deep
  }
}

function readRevocation(
  { app, jti, user, until }: Static<typeof RevocationBody>,
  actions: RevocationActions,
  now: number,
): Revocation | { readonly errors: FieldErrors } {
  const lifetimeSeconds = actions.lifetimeSeconds(app)
  if (lifetimeSeconds === undefined) return { errors: { app: ['is unknown'] } }
  if ((jti === undefined) === (user === undefined))
    return { errors: { jti: ['or user must be given, and not both'] } }
  if (until !== undefined && until <= now) return { errors: { until: ['must be in the future'] } }
  return {
    app,
    jti: jti ?? null,
    user: user === undefined ? null : String(user),
    revoked_at: now,
    until: until ?? now + lifetimeSeconds,
  }
}
