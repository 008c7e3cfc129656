/**
 * An app as the document shows it: what the admin API takes, as JSON and as forms with nested names, and
 * what it answers. What a field may be is checked by APP_FIELDS, in words that a schema has not.
 */
import { Type, type TSchema } from '@sinclair/typebox'
import { APP_FIELDS } from '../apps/fields'
import { HISTORY_NUMBERS, MAX_RULES } from '../apps/history'
import { LIMIT_BY_WIRE_NAME } from '../apps/limits'
import type { SettingsSchemas } from '../apps/plugin-settings'
import { mapSwitches } from '../apps/switches'
import { LIMITS, type LimitRow } from '../core/limits'
import { MAX_WEBHOOKS } from '../apps/webhooks'
import { documentForms, EXAMPLE_ENDPOINT, objectSchema, Webhook } from './schemas'

/** An object of the limits that an app may have. */
const limitsOf = (shape: (row: LimitRow) => TSchema, description: string) =>
  Type.Object(
    Object.fromEntries(
      Array.from(LIMIT_BY_WIRE_NAME, ([name, limit]) => [
        name,
        Type.Optional(shape(LIMITS[limit])),
      ]),
    ),
    { description },
  )

const PREFIX = Type.String({
  description:
    'How the names of the channels begin. Private and presence channels are covered only where it begins with `private-` or `presence-`',
})
const DURABLE = {
  description: 'Events are stored, and survive a restart; triggers are answered once they are',
}
const NUMBERS = Object.entries(HISTORY_NUMBERS)

/** A rule as it is sent, with its defaults. */
const GivenRule = Type.Object({
  prefix: PREFIX,
  durable: Type.Optional(Type.Boolean({ default: false, ...DURABLE })),
  ...Object.fromEntries(
    NUMBERS.map(([name, { min: minimum, max: maximum, default: usual, about: description }]) => [
      name,
      Type.Optional(Type.Integer({ minimum, maximum, default: usual, description })),
    ]),
  ),
})
const Rule = Type.Object({
  prefix: PREFIX,
  durable: Type.Boolean(DURABLE),
  ...Object.fromEntries(
    NUMBERS.map(([name, { about: description }]) => [name, Type.Integer({ description })]),
  ),
})

type Shape = (description: string, settings: SettingsSchemas) => TSchema

const SHAPES: Readonly<Record<string, Shape>> = {
  name: (description) => Type.String({ description, examples: ['foo-app'] }),
  ...mapSwitches(() => (description: string) => Type.Boolean({ description })),
  hosts: (description) => Type.Array(Type.String(), { description }),
  webhooks: (description) => Type.Array(Webhook, { maxItems: MAX_WEBHOOKS, description }),
  history: (description) => Type.Array(GivenRule, { maxItems: MAX_RULES, description }),
  limits: (description) =>
    limitsOf(
      ({ min: minimum, max: maximum, about }) =>
        Type.Union([Type.Integer({ minimum, maximum }), Type.Null()], { description: about }),
      description,
    ),
  plugins: (description, settings) =>
    Type.Object(
      Object.fromEntries(
        Array.from(settings, ([name, schema]) => [
          name,
          Type.Optional(Type.Union([schema, Type.Null()])),
        ]),
      ),
      { description },
    ),
}

/**
 * `field` is the one that forms show, since a page that shows the others sends them empty. The examples can be
 * sent one after another: what is created is changed.
 */
function bodyOf(
  purpose: 'create' | 'change',
  field: string,
  example: Readonly<Record<string, unknown>>,
  settings: SettingsSchemas,
) {
  const isNew = purpose === 'create'
  const fields = Array.from(APP_FIELDS)
    .filter(([, { createOnly }]) => isNew || !createOnly)
    .map(([name, { about }]) => {
      const shape = SHAPES[name]?.(about, settings) ?? Type.String({ description: about })
      return [name, isNew && name === 'name' ? shape : Type.Optional(shape)] as const
    })
  const app = Type.Object(Object.fromEntries(fields))
  const json: object = objectSchema({ app }, { app: example })
  const form: object = Type.Object(
    { [`app[${field}]`]: Type.String({ examples: [String(example[field])] }) },
    {
      additionalProperties: Type.String(),
      description: 'The fields of the JSON body, each as `app[field]`; `app[field][]` for lists',
    },
  )
  return documentForms(json, form)
}

/** The bodies, with the settings that plugins take. */
export const newAppBody = (settings: SettingsSchemas = new Map()) =>
  bodyOf('create', 'name', { name: 'foo-app', key: 'foo-app-key' }, settings)
export const changedAppBody = (settings: SettingsSchemas = new Map()) =>
  bodyOf('change', 'client_events', CHANGES, settings)

/** The examples of operations on endpoints are about this one. */
const CHANGES = { client_events: true, webhooks: [{ url: EXAMPLE_ENDPOINT }] }

const AppResource = Type.Object({
  id: Type.Union([Type.Integer(), Type.String()], { description: 'A number where it is one' }),
  name: Type.String(),
  slug: Type.String(),
  key: Type.String({ description: 'Of the newest pair' }),
  secret: Type.String({ description: 'Of the newest pair' }),
  ...mapSwitches(({ about: description }) => Type.Boolean({ description })),
  hosts: Type.Array(Type.String()),
  webhooks: Type.Array(Webhook),
  history: Type.Array(Rule),
  limits: limitsOf(
    ({ about }) => Type.Integer({ description: about }),
    'The numbers of its own; the rest are those of the server',
  ),
  plugins: Type.Object(
    {},
    {
      additionalProperties: true,
      description: 'Settings of plugins for the app, by name; of plugins that are not loaded, too',
    },
  ),
  keys: Type.Array(Type.Object({ key: Type.String(), secret: Type.String() }), {
    description: 'One or two live pairs, oldest first',
  }),
  provided_by: Type.Union([Type.String(), Type.Null()], {
    description: 'Where id, key and secret come from, if not from the database',
  }),
  created_at: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Milliseconds since 1970; null where it is not from the database',
  }),
})
const PAIR = {
  key: '5b0f5c1e-1f0c-4a52-9a3e-0c1d2e3f4a5b',
  secret: '0d9c8b7a-6f5e-4d3c-8b2a-190807060504',
}
const APP = {
  id: 123456789,
  name: 'foo-app',
  slug: 'foo-app',
  ...PAIR,
  active: true,
  client_events: true,
  public_client_events: false,
  tls_only: false,
  subscription_counts: false,
  epl_bridge: false,
  hosts: [],
  webhooks: [],
  history: [],
  limits: { max_presence_members: 500 },
  plugins: {},
  keys: [PAIR],
  provided_by: null,
  created_at: 1795000000000,
}
export const AppAnswer = objectSchema({ data: AppResource }, { data: APP })
export const AppsAnswer = objectSchema({ data: Type.Array(AppResource) }, { data: [APP] })
