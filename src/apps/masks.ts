/**
 * Apps without their secrets, for the audit and for whoever only reads. Which settings of a plugin are secret only
 * the plugin knows, so all of their texts count as such.
 */
import type { AppRecord, WebhookRecord } from '../core/app'
import type { AppId } from '../core/types'
import { isRecord } from '../core/json'
import { resourceOf } from './resource'
import { maskUrl } from './webhooks'

/** In the place of a secret. */
export const MASK = '***'

type Secretive = Pick<AppRecord, 'webhooks' | 'plugins' | 'keys'>

/** The app without secrets: of its pairs, in the urls and headers of its webhooks, in settings of plugins. */
export const withoutSecrets = <App extends Secretive>(record: App): App => ({
  ...record,
  webhooks: record.webhooks.map(maskWebhook),
  plugins: maskTexts(record.plugins) as AppRecord['plugins'],
  keys: record.keys.map(({ key }) => ({ key, secret: MASK })),
})

/** A url without name, password and the values of its query. */
export const maskWholeUrl = (url: string): string =>
  maskUrl(url)
    .replace(/#.*$/s, '')
    .replace(/\?.*$/s, (query) => query.replace(/(?<=[?&])([^=&]*)(=?)[^&]*/g, maskParameter))

/** A parameter without a value may be the secret itself. */
const maskParameter = (_: string, name: string, equals: string): string =>
  equals === '' ? MASK : `${name}=${MASK}`

function maskWebhook({ url, headers, ...webhook }: WebhookRecord): WebhookRecord {
  const masked = headers && (maskTexts(headers) as WebhookRecord['headers'] & object)
  return { url: maskWholeUrl(url), ...webhook, ...(masked && { headers: masked }) }
}

function maskTexts(value: unknown): unknown {
  if (typeof value === 'string') return MASK
  if (Array.isArray(value)) return value.map(maskTexts)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, maskTexts(entry)]))
}

type Fields = Readonly<Record<string, unknown>>
/** Without id, the newest pair, which `keys` has, too, and times, which the audit has. */
function fieldsOf(record: AppRecord): Fields {
  const {
    id: _,
    key: __,
    secret: ___,
    provided_by: ____,
    created_at: _____,
    ...fields
  } = resourceOf({
    id: record.id as AppId,
    record,
    providedBy: undefined,
  })
  return fields
}

type Difference = Record<'before' | 'after', Fields | undefined>

/** The fields that a change has changed, without secrets; all of them of an app that is new or deleted. */
export function differenceOf(
  before: AppRecord | undefined,
  after: AppRecord | undefined,
): Difference {
  const [old, now]: (Fields | undefined)[] = [before && fieldsOf(before), after && fieldsOf(after)]
  const names = Object.keys(now ?? old ?? {}).filter(
    (name) => !old || !now || !Bun.deepEquals(old[name], now[name]),
  )
  const shown = (record: AppRecord | undefined): Fields | undefined => {
    const fields: Fields | undefined = record && fieldsOf(withoutSecrets(record))
    return fields && Object.fromEntries(names.map((name) => [name, fields[name]]))
  }
  return { before: shown(before), after: shown(after) }
}
