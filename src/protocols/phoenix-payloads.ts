/**
 * Payloads: what an event carries, as Phoenix's clients get it. The text of a trigger is read as JSON
 * where it is JSON, and what is no object is wrapped in one, which old clients need.
 * Spec: phoenix contract 1.10, 4.5.
 */
import { isRecord, jsonText, parseJson, textOfJson, wellFormed } from '../core/json'
import type { Publication } from '../core/messages'
import type { JsonText } from '../core/types'

type Value = { readonly json: string; readonly isObject: boolean }

/** What was read last: an event goes out to a hundred channels, and by several codecs. */
let last: { readonly data: JsonText; readonly value: Value } | undefined

/** Clients of Pusher may say nothing, these always get an object. */
const NOTHING: Value = { json: '{}', isObject: true }

/** The value as an object: itself, or `{"data": value}`. */
export function objectPayload(publication: Publication): string {
  const { json, isObject } = valueOf(publication)
  return isObject ? json : `{"data":${json}}`
}

/** PushEx: `{"data": value, "event": name}`. */
export function nestedPayload(publication: Publication): string {
  return `{"data":${valueOf(publication).json},"event":${jsonText(publication.event)}}`
}

function valueOf({ data }: Publication): Value {
  if (data === undefined) return NOTHING
  if (last?.data !== data) last = { data, value: read(data) }
  return last.value
}

function read(data: JsonText): Value {
  if (!data.startsWith('"')) return { json: data, isObject: data.startsWith('{') }
  const text = wellFormed(textOfJson(data))
  const parsed = parseJson(text)
  return parsed === undefined
    ? { json: data, isObject: false }
    : { json: text, isObject: isRecord(parsed) }
}
