/**
 * The webhooks of an app, as soketi's users write them.
 */
import type { WebhookRecord } from '../core/apps'
import { isRecord } from '../core/json'
import { isPlainText, listOf, shown } from './reading'

export const MAX_WEBHOOKS = 50
const EVENTS = [
  'channel_occupied',
  'channel_vacated',
  'member_added',
  'member_removed',
  'client_event',
  'cache_miss',
  'subscription_count',
]
const KEYS = ['url', 'event_types', 'filter', 'headers']

export const webhooks = listOf<WebhookRecord>(MAX_WEBHOOKS, mistakeOf)

function mistakeOf(raw: unknown): string | undefined {
  if (!isRecord(raw)) return `${shown(raw)}; expected an object with a url`
  const stranger = Object.keys(raw).find((key) => !KEYS.includes(key))
  if (stranger !== undefined)
    return `the unknown key ${shown(stranger)}; known are ${KEYS.join(', ')}`
  const { url, event_types: types = [], filter = {}, headers = {} } = raw
  if (!isPlainText(url) || !/^https?:\/\/[^\s]+$/.test(url) || !URL.canParse(url))
    return `the url ${shown(url)}; expected one of http or https`
  if (!Array.isArray(types) || !types.every((type) => EVENTS.includes(type as string)))
    return `the event_types ${shown(types)}; known are ${EVENTS.join(', ')}`
  if (!isTexts(filter) || !isTexts(headers))
    return 'a filter or headers that are no object of texts'
  return undefined
}

const isTexts = (raw: unknown): boolean =>
  isRecord(raw) && Object.entries(raw).flat().every(isPlainText)
