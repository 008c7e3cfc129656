/**
 * What a subscriber asks of the events that a channel keeps, on every wire the same: `positions`, `rewind` and `since`
 * beside what it sends anyway. Read only where its app keeps events at all.
 */
import type { App } from '../core/app'
import { quote, refusal, type Refusal } from '../core/errors'
import { scanObject, stringIn, type JsonSlice } from '../core/json-scan'
import { MAX_DATA_KEYS, MAX_REWIND } from '../core/limits'
import type { HistoryRequest } from '../core/messages'
import type { Position, SocketId } from '../core/types'

/** The keys of a request, in the order in which `readHistory` takes their values. */
export const HISTORY_KEYS = ['positions', 'rewind', 'since'] as const

export const keepsEvents = ({ record }: App): boolean => record.history.length > 0

type Slices = readonly (JsonSlice | undefined)[]
/** How much of a value a message shows. */
const MAX_SHOWN_CHARS = 60

/** Undefined where nothing is asked. Values are looked at as they were written, and nothing is parsed. */
export function readHistory([positions, rewind, since]: Slices):
  HistoryRequest | Refusal | undefined {
  if (!positions && !rewind && !since) return undefined
  const wants = positions?.text ?? 'false'
  if (wants !== 'true' && wants !== 'false') return invalid('positions', positions, 'true or false')
  const count = rewind && readNumber(rewind)
  if (rewind && !(count !== undefined && count <= MAX_REWIND))
    return invalid('rewind', rewind, `a whole number from 0 to ${MAX_REWIND}`)
  const from = since && readSince(since)
  if (since && !from) return invalid('since', since, 'an object of epoch and offset')
  return {
    positions: wants === 'true',
    rewind: count,
    since: from?.position,
    formerId: from?.formerId,
  }
}

const EPOCH = /^[\da-z]{0,32}$/
const SOCKET_ID = /^\d{1,10}\.\d{1,10}$/

type Since = { readonly position: Position; readonly formerId: SocketId | undefined }

function readSince(slice: JsonSlice): Since | undefined {
  if (!slice.isObject) return undefined
  const found = scanObject(slice.text, ['epoch', 'offset', 'socket_id'], MAX_DATA_KEYS)
  const [epochSlice, offsetSlice, idSlice] = found ?? []
  const [epoch, offset] = [stringIn(epochSlice), offsetSlice && readNumber(offsetSlice)]
  const formerId = stringIn(idSlice)
  if (epoch === undefined || !EPOCH.test(epoch) || offset === undefined) return undefined
  if (idSlice && !(formerId !== undefined && SOCKET_ID.test(formerId))) return undefined
  return { position: { epoch, offset }, formerId: formerId as SocketId | undefined }
}

function readNumber({ text }: JsonSlice): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

const invalid = (name: string, slice: JsonSlice | undefined, expected: string): Refusal =>
  refusal(
    'history_invalid',
    `Invalid ${name} ${quote(slice!.text.slice(0, MAX_SHOWN_CHARS))}: expected ${expected}`,
  )
