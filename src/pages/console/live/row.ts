/** Rows of a live stream, as the list shows them. The whole of a row stays text until somebody opens it. */
import type { KindName } from './kinds'

/** What a row has, by the names of the API. */
export type Fields = Readonly<Record<string, unknown>>

export type LiveRow = {
  /** Unique in the page; later ones are larger. */
  readonly id: number
  readonly kind: KindName
  /** Epoch milliseconds. */
  readonly at: number
  readonly channel: string
  /** The event, or the code of a refusal. */
  readonly what: string
  readonly detail: string
  /** JSON of the whole. */
  readonly json: string
}

/** How much of the data the list has. */
const MAX_SHOWN_CHARS = 300

export function rowOf(id: number, kind: KindName, json: string): LiveRow {
  const fields = JSON.parse(json) as Fields
  const { at, channel } = fields
  const what = textOf(fields['event'] ?? fields['code'] ?? fields['user_id'])
  const detail = detailOf(kind, fields).slice(0, MAX_SHOWN_CHARS)
  return { id, kind, at: Number(at), channel: textOf(channel), what, detail, json }
}

export const fieldsOf = ({ json }: LiveRow): Fields => JSON.parse(json) as Fields

/** A text as it is, any other value as JSON, nothing for nothing. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function detailOf(kind: KindName, fields: Fields): string {
  const of = (name: string): string => textOf(fields[name])
  const own = DETAILS[kind]
  if (own) return own(of)
  return of('socket_id')
}

type Read = (name: string) => string

const joined = (...parts: readonly string[]): string => parts.filter(Boolean).join(' · ')

const eventDetail = (of: Read): string => of('data') || of('data_beginning')

const DETAILS: { readonly [Kind in KindName]?: (of: Read) => string } = {
  connected: (of) =>
    joined(of('socket_id'), of('address'), of('library') && `${of('library')} ${of('version')}`),
  disconnected: (of) => joined(of('socket_id'), of('reason'), of('by') && `by the ${of('by')}`),
  published: eventDetail,
  client_event: eventDetail,
  refused: (of) => of('likely') || of('message'),
  unknown_app: (of) => joined(of('message'), of('address')),
  slow_reader: (of) => joined(of('socket_id'), `${of('unread_bytes')} bytes unread`),
  webhook: (of) =>
    joined(
      of('endpoint'),
      of('status') || of('error'),
      `${of('events')} events`,
      `${of('duration_ms')} ms`,
    ),
}
