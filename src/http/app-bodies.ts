/**
 * The bodies of the admin API as the document shows them: JSON, and forms with nested names. What a
 * field may be is checked by APP_FIELDS, in words that a schema has not.
 */
import { Type } from '@sinclair/typebox'
import { AppLimits, Webhook } from './schemas'

const text = (description: string) => Type.Optional(Type.String({ description }))
const switched = (description: string) => Type.Optional(Type.Boolean({ description }))

const Name = Type.String({ description: '5 to 255 characters', examples: ['foo-app'] })

const FIELDS = {
  name: Type.Optional(Name),
  slug: text('In the addresses of the admin API: a-z, 0-9 and single dashes'),
  active: switched('An app that is not refuses everybody'),
  client_events: switched('Members of private and presence channels may send events'),
  public_client_events: switched('So may subscribers of public channels'),
  subscription_counts: switched('Subscribers are told how many they are'),
  hosts: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Origins of pages that may connect, as patterns; empty for all. 422 where no plugin enforces them',
    }),
  ),
  webhooks: Type.Optional(Type.Array(Webhook)),
  limits: Type.Optional(AppLimits),
}
const CREATION_FIELDS = {
  ...FIELDS,
  name: Name,
  id: text('Made up where it is absent; digits only for SDKs that read PUSHER_URL'),
  key: text('Made up where it is absent'),
  secret: text('Made up where it is absent'),
}

/** The framework's types for schemas do not know those of its own library. */
type Schema = object

/** One field is enough to try it out: a page that shows the others sends them empty. */
const Form: Schema = Type.Object(
  { 'app[name]': Name },
  {
    additionalProperties: Type.String(),
    description: 'The fields of the JSON body, each as `app[field]`; `app[field][]` for lists',
  },
)

const bodyOf = (fields: typeof FIELDS | typeof CREATION_FIELDS) => ({
  required: true,
  content: {
    'application/json': { schema: json(fields) },
    'application/x-www-form-urlencoded': { schema: Form },
    'multipart/form-data': { schema: Form },
  },
})

const json = (fields: typeof FIELDS | typeof CREATION_FIELDS): Schema =>
  Type.Object({ app: Type.Object(fields) }, { examples: [{ app: { name: 'foo-app' } }] })

export const NEW_APP_BODY = bodyOf(CREATION_FIELDS)
export const CHANGED_APP_BODY = bodyOf(FIELDS)
