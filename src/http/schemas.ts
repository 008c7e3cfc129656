/** Schemas of which those of the routes are made: types, validation and the OpenAPI document come from them. */
import {
  Type,
  type ObjectOptions,
  type Static,
  type TObject,
  type TProperties,
  type TSchema,
} from '@sinclair/typebox'

/** Unknown keys are ignored: SDKs send more than is documented. */
export const OPEN = { additionalProperties: true } as const

/** An object, with an example of the whole. */
export const objectSchema = <Fields extends TProperties>(
  fields: Fields,
  example: Static<TObject<Fields>>,
  options: ObjectOptions = {},
) => Type.Object(fields, { ...options, examples: [example] })

/** A text, with an example. */
export const textSchema = (description: string, example: string) =>
  Type.String({ description, examples: [example] })

export const EmptyAnswer = objectSchema({}, {})

/** A number of things. */
export const count = (description: string) => Type.Integer({ minimum: 0, description })
/** An endpoint of webhooks; nobody else's, whoever tries it. */
export const EXAMPLE_ENDPOINT = 'http://127.0.0.1:3000/hook'
export const Webhook = Type.Object({ url: Type.String() }, OPEN)

/** Describes, in the document, a body that the framework does not read. */
export const documentBody = (schema: TSchema, type = 'application/json') => ({
  requestBody: { content: { [type]: { schema } }, required: true },
})

/** The same for a body that may be JSON or a form. */
export const documentForms = (json: object, form = json) => ({
  requestBody: {
    content: {
      'application/json': { schema: json },
      'application/x-www-form-urlencoded': { schema: form },
      'multipart/form-data': { schema: form },
    },
    required: true,
  },
})
