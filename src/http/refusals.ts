/**
 * Refusals of routes for the document: their shapes, with the messages of a real server as examples.
 * `statuses.test.ts` provokes each of them.
 */
import { Type, type TSchema } from '@sinclair/typebox'

export const NoBody = Type.Literal('')

/** One sentence in plain text, ending in a newline. */
export const errorText = (example: string) =>
  Type.String({ description: 'What is wrong, in one line of plain text', examples: [example] })

/** What is wrong, by field. */
export const fieldErrors = (errors: Readonly<Record<string, string | readonly string[]>>) =>
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
    { examples: [{ errors }] },
  )

export const errorDetail = (detail: string) => fieldErrors({ detail })

export const BAD_REQUEST = errorDetail('Bad Request')
export const NOT_FOUND = errorDetail('Not Found')

const KNOWN_APP = {
  401: errorText('Authentication key required'),
  403: errorText('App 1 is disabled'),
  404: errorText('App 2 does not exist'),
}
const DATA_TOO_LONG =
  'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)'
const rateError = (what: string) =>
  errorText(`Too many ${what} of one app: the limit is 1 per second (${what})`)

/** Of signed reads that name nothing but the app. */
export const APP_READ_REFUSALS = { ...KNOWN_APP, 429: rateError('reads') }

/** Of signed reads about channels: the answer, and the refusals. */
export const readAnswers = <Answer extends TSchema>(
  answer: Answer,
  mistake = "Invalid channel name: 'a:b' (allowed are letters, digits and _-=@,.;)",
) => ({ ...APP_READ_REFUSALS, 200: answer, 400: errorText(mistake) })

/** Of signed requests with a body. */
export const SIGNED_REFUSALS = {
  ...KNOWN_APP,
  400: errorText('Expected name parameter to be a string'),
  413: errorText(DATA_TOO_LONG),
  429: rateError('triggers'),
}

/** Of routes for admins only, those of plugins too; the document adds them. */
export const ADMIN_REFUSALS = {
  401: errorText('The token is not one of Carillon, or has a typo'),
  403: errorText('Pages of another site may not use the admin API (CARILLON_ADMIN_ORIGINS)'),
  429: errorText(
    'Too many failed logins of one address: the limit is 10 per minute (CARILLON_MAX_FAILED_LOGINS_PER_MINUTE)',
  ),
}

/** Of requests that change the database. */
export const WRITE_REFUSALS = { 503: errorDetail('database: is locked by another process') }

/** Of admin requests with a body. */
export const BODY_REFUSALS = {
  400: BAD_REQUEST,
  413: errorDetail('The body of 1048577 bytes exceeds the limit of 1048576'),
  422: fieldErrors({ name: ['should be at least 5 character(s)'] }),
}

/** Of APIs that take an app's key and secret. */
export const JSON_REFUSALS = { 406: errorDetail('Not Acceptable') }

/** Of publishes for the seeds' clients. */
export const PUBLISH_REFUSALS = {
  413: errorDetail(DATA_TOO_LONG),
  429: errorDetail(
    '1 events exceed what is left of the limit of 1 per second (maxBackendEventsPerSecond)',
  ),
}
