/**
 * Webhooks of an app: checks a list of endpoints from the admin API, a file or the settings.
 */
import type { WebhookRecord } from '../core/app'
import { isPlainText, isRecord, showJson } from '../core/json'
import { DEFAULT_NETWORKS, type NetworkRules } from '../core/networks'
import { isHeader, WEBHOOK_EVENTS } from '../core/webhooks'
import { listOf, type Read } from './reading'

/** Endpoints of one app: each has a lane of its own. */
export const MAX_WEBHOOKS = 50

const KEYS = ['url', 'event_types', 'filter', 'headers']
const FILTERS = ['channel_name_starts_with', 'channel_name_ends_with']

/** Reads a list of endpoints; `showUrl` shows urls and values in the mistake. */
export const webhooks = (
  networks?: NetworkRules,
  showUrl = showMaskedUrl,
): Read<readonly WebhookRecord[]> =>
  listOf(MAX_WEBHOOKS, (entry) => webhookMistake(entry, networks, showUrl), showUrl)

/** What is wrong with one entry, if anything, as in "webhooks has ...". */
export function webhookMistake(
  raw: unknown,
  networks: NetworkRules = DEFAULT_NETWORKS,
  showUrl = showMaskedUrl,
): string | undefined {
  if (!isRecord(raw)) return `${showUrl(raw)}; expected an object with a url`
  const unknown = Object.keys(raw).find((key) => !KEYS.includes(key))
  if (unknown !== undefined)
    return `the unknown key ${showJson(unknown)}; known are ${KEYS.join(', ')}`
  const { url, event_types: types = [], filter = {}, headers = {} } = raw
  return urlMistake(url, networks, showUrl) ?? typesMistake(types) ?? textsMistake(filter, headers)
}

function urlMistake(
  url: unknown,
  { urlDenial }: NetworkRules,
  showUrl: (raw: unknown) => string,
): string | undefined {
  if (!isPlainText(url) || !/^https?:\/\/[^\s]+$/.test(url) || !URL.canParse(url))
    return `the url ${showUrl(url)}; expected one of http or https`
  const refused = urlDenial(new URL(url))
  return refused && `the url ${showUrl(url)}, which is refused: ${refused}`
}

/** A URL as it may be shown: without the name and password that it may carry. */
export const maskUrl = (url: string): string =>
  URL.canParse(url) ? url.replace(/^(\w+:\/*)[^/?#]*@/, '$1***@') : url.replace(/^.*@/s, '***@')

function typesMistake(types: unknown): string | undefined {
  const known: readonly unknown[] = WEBHOOK_EVENTS
  if (Array.isArray(types) && types.every((type) => known.includes(type))) return undefined
  return `the event_types ${showJson(types)}; known are ${WEBHOOK_EVENTS.join(', ')}`
}

function textsMistake(filter: unknown, headers: unknown): string | undefined {
  if (!isStringRecord(filter) || !isStringRecord(headers))
    return 'a filter or headers that are no object of texts'
  const unknown = Object.keys(filter).find((key) => !FILTERS.includes(key))
  if (unknown !== undefined)
    return `the unknown filter ${showJson(unknown)}; known are ${FILTERS.join(', ')}`
  const bad = Object.entries(headers).find(([name, value]) => !isHeader(name, value))
  return bad && `the header ${showJson(bad[0])}, which no request can carry`
}

const showMaskedUrl = (raw: unknown): string =>
  showJson(typeof raw === 'string' ? maskUrl(raw) : raw)

const isStringRecord = (raw: unknown): raw is Readonly<Record<string, string>> =>
  isRecord(raw) && Object.entries(raw).flat().every(isPlainText)
