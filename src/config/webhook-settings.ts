/**
 * WEBHOOK_SETTINGS: the rows of SETTINGS that are about webhooks.
 */
import { hide } from '../apps/reading'
import type { WebhookRecord } from '../core/app'
import { parseJson } from '../core/json'
import { DEFAULT_NETWORKS, networkRules } from '../core/networks'
import { MAX_WEBHOOKS, webhookMistake, webhooks as readWebhooks } from '../apps/webhooks'
import { networkList, number, setting } from './setting'

const WEBHOOKS_EXPECTED = `a JSON list of at most ${MAX_WEBHOOKS} like [{"url":"https://example.org/hook","event_types":["channel_occupied"]}]`

export const WEBHOOK_SETTINGS = {
  webhooks: setting<readonly WebhookRecord[]>({
    env: 'CARILLON_WEBHOOKS',
    default: [],
    read: webhooksOf,
    expected: WEBHOOKS_EXPECTED,
    about: 'webhooks of the app of the settings, as JSON',
    mistake: webhooksMistakeOf,
    secret: true,
  }),
  webhookFlushMs: number(
    'CARILLON_WEBHOOK_FLUSH_MS',
    { default: 50, min: 0, max: 60_000 },
    'time in which webhook events are collected before they are stored; 0 stores each at once',
  ),
  webhookSettleMs: number(
    'CARILLON_WEBHOOK_SETTLE_MS',
    { default: 3000, min: 0, max: 600_000 },
    'time before `channel_vacated` or `member_removed` is sent, in which a return cancels it',
  ),
  webhookBatchEvents: number(
    'CARILLON_WEBHOOK_BATCH_EVENTS',
    { default: 100, min: 1, max: 1000 },
    'events of one webhook request; 1 sends each alone',
  ),
  webhookTimeoutMs: number(
    'CARILLON_WEBHOOK_TIMEOUT_MS',
    { default: 5000, min: 1, max: 60_000 },
    'time that an endpoint has to answer a webhook request',
  ),
  webhookMaxStored: number(
    'CARILLON_WEBHOOK_MAX_STORED',
    { default: 1_000_000, min: 1, max: 1_000_000_000 },
    'stored webhook events, counted once per endpoint; past it `/ready` is red and new ones wait in memory, 100 000 or 64 MB of an app at most',
  ),
  webhookMaxStoredPerEndpoint: number(
    'CARILLON_WEBHOOK_MAX_STORED_PER_ENDPOINT',
    { default: 100_000, min: 1, max: 1_000_000_000 },
    'stored webhook events of one endpoint, dead letters too; past it new ones for that endpoint are dropped, counted and logged',
  ),
  webhookAllow: networkList(
    'CARILLON_WEBHOOK_ALLOW',
    'the only networks that webhooks are sent to; all if empty',
  ),
  webhookDeny: networkList(
    'CARILLON_WEBHOOK_DENY',
    'networks that webhooks are not sent to; link-local and metadata addresses and tunnels never are',
  ),
} as const

function webhooksOf(text: string): readonly WebhookRecord[] | undefined {
  const read = readWebhooks()(parseJson(text))
  return 'value' in read ? read.value : undefined
}

/** Names the wrong entries and what is wrong. No part of a url is shown: any may be a secret, such as the path of a chat webhook. */
function webhooksMistakeOf(text: string): string {
  const list = parseJson(text)
  const expected = `expected ${WEBHOOKS_EXPECTED}`
  if (list === undefined) return `${expected}; this is no JSON (did a shell take its quotes?)`
  if (!Array.isArray(list)) return `${expected}; this is no list`
  return entryMistakes(list).join('; ') || `${expected}; this one has ${list.length} entries`
}

/** Mistakes of valid entries whose networks CARILLON_WEBHOOK_ALLOW or _DENY excludes. */
export function deniedWebhooks({ webhooks, webhookAllow, webhookDeny }: WebhookConfig): string[] {
  return entryMistakes(webhooks, networkRules(webhookAllow, webhookDeny))
}

type WebhookConfig = Readonly<Record<'webhookAllow' | 'webhookDeny', readonly string[]>> & {
  readonly webhooks: readonly WebhookRecord[]
}

function entryMistakes(list: readonly unknown[], networks = DEFAULT_NETWORKS): string[] {
  return list.flatMap((entry, index) => {
    const mistake = webhookMistake(entry, networks, hide)
    return mistake === undefined ? [] : [`entry ${index + 1} of ${list.length} has ${mistake}`]
  })
}
