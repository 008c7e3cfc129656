/**
 * An app as the admin API and the command line show it: the seed's six fields, then ours. It holds secrets.
 */
import type { App } from '../core/app'
import { limitsOnWire } from './limits'
import { switchesOf } from './switches'

/** `key` and `secret` are the newest pair. */
export function resourceOf({ id, record, providedBy }: Pick<App, 'id' | 'record' | 'providedBy'>) {
  const { key, secret } = record.keys.at(-1)!
  return {
    id: /^\d{1,15}$/.test(id) && String(Number(id)) === id ? Number(id) : id,
    name: record.name,
    slug: record.slug,
    key,
    secret,
    ...switchesOf(record),
    hosts: [...record.hosts],
    webhooks: [...record.webhooks],
    history: record.history.map((rule) => ({ ...rule })),
    limits: limitsOnWire(record.limits),
    plugins: { ...record.plugins },
    keys: record.keys.map((pair) => ({ ...pair })),
    provided_by: providedBy ?? null,
    created_at: record.createdAt ?? null,
  }
}

export type AppResource = ReturnType<typeof resourceOf>
