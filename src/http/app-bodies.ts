/**
 * The bodies of the admin API as the document shows them: JSON, and forms with nested names. What a
 * field may be is checked by APP_FIELDS, in words that a schema has not.
 */
import { Type, type TSchema } from '@sinclair/typebox'
import { LIMITS } from '../core/limits'
import { LIMIT_BY_WIRE_NAME } from '../apps/limits'
import { documentedForms } from './body'
import { MAX_WEBHOOKS } from '../core/webhooks'
import { SWITCHES, Webhook } from './schemas'

const text = (description: string) => Type.Optional(Type.String({ description }))
const switched = (description: string) => Type.Optional(Type.Boolean({ description }))

const Limits = Type.Object(
  Object.fromEntries(
    Array.from(LIMIT_BY_WIRE_NAME, ([name, limit]) => {
      const { min: minimum, max: maximum, about } = LIMITS[limit]
      const Own = Type.Union([Type.Integer({ minimum, maximum }), Type.Null()])
      return [name, Type.Optional({ ...Own, description: about })]
    }),
  ),
  { description: 'Numbers of its own; null for that of the server' },
)

const Name = Type.String({ description: '5 to 255 characters', examples: ['foo-app'] })

const FIELDS = {
  name: Type.Optional(Name),
  slug: text('In the addresses of the admin API: a-z, 0-9 and single dashes'),
  active: switched(SWITCHES.active),
  client_events: switched(SWITCHES.clientEvents),
  public_client_events: switched(SWITCHES.publicClientEvents),
  subscription_counts: switched(SWITCHES.subscriptionCounts),
  epl_bridge: switched(SWITCHES.eplBridge),
  hosts: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Origins of pages that may connect, as patterns; empty for all. 422 where no plugin enforces them',
    }),
  ),
  webhooks: Type.Optional(
    Type.Array(Webhook, {
      maxItems: MAX_WEBHOOKS,
      description: 'Endpoints that are told what happens in the app',
    }),
  ),
  limits: Type.Optional(Limits),
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

type Example = { readonly [field: string]: unknown }

/** One field is enough to try it out: a page that shows the others sends them empty. */
const form = (field: string, example: Example): Schema =>
  Type.Object(
    { [`app[${field}]`]: Type.String({ examples: [String(example[field])] }) },
    {
      additionalProperties: Type.String(),
      description: 'The fields of the JSON body, each as `app[field]`; `app[field][]` for lists',
    },
  )

/** `field` is what forms show. The examples can be sent one after another: what is created is changed. */
function bodyOf(fields: Record<string, TSchema>, field: string, example: Example) {
  const json: Schema = Type.Object({ app: Type.Object(fields) }, { examples: [{ app: example }] })
  return documentedForms(json, form(field, example))
}

export const NEW_APP_BODY = bodyOf(CREATION_FIELDS, 'name', { name: 'foo-app', key: 'foo-app-key' })
export const CHANGED_APP_BODY = bodyOf(FIELDS, 'client_events', {
  client_events: true,
  limits: { max_presence_members: 500 },
})
