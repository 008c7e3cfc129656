/**
 * What an app is until somebody says otherwise, and the names that are made up for it.
 */
import type { AppRecord, KeyRecord } from './app'

export const NEW_APP: Omit<AppRecord, 'id' | 'name' | 'slug' | 'keys'> = {
  active: true,
  clientEvents: true,
  publicClientEvents: false,
  subscriptionCounts: false,
  eplBridge: false,
  hosts: [],
  webhooks: [],
  limits: {},
}

/** Digits: two SDKs read nothing else from a `PUSHER_URL`. */
export function newAppId(): string {
  const [random] = crypto.getRandomValues(new Uint32Array(1))
  return String(100_000_000 + (random! % 900_000_000))
}

/** 36 characters each, 122 of their bits random. */
export function newKeyPair(): KeyRecord {
  return { key: crypto.randomUUID(), secret: crypto.randomUUID() }
}
