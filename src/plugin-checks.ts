/** What plugins check of apps: the `hosts` that they enforce, the settings that they take. */
import type { Enforced } from './apps/fields'
import { settingsSchemas, staleSettings } from './apps/plugin-settings'
import type { Apps } from './core/apps'
import type { Log } from './core/types'
import type { AnyPlugin } from './plugin'

/** Which fields of apps some plugin enforces, and how their entries are checked. */
export function findEnforced(plugins: readonly AnyPlugin[]): Enforced {
  return {
    hosts: plugins.find(({ enforces }) => enforces?.hosts)?.enforces?.hosts,
    settings: settingsSchemas(plugins),
  }
}

/** How many apps are named in one log line. */
const NAMED_APPS = 20

/** Warns of apps whose `hosts` no plugin enforces, or whose settings their plugin does not take any more. */
export function warnUnenforced(
  { hosts, settings = new Map() }: Enforced,
  apps: Apps,
  log: Log,
): void {
  const unprotected: string[] = []
  const stale = new Map<string, readonly string[]>()
  for (const { id, record } of apps.all()) {
    if (!hosts && record.hosts.length > 0) unprotected.push(id)
    const mistakes = staleSettings(record, settings)
    if (mistakes.length > 0) stale.set(id, mistakes)
  }
  warn(
    log,
    unprotected,
    'apps have hosts that no plugin enforces: every origin may connect to them',
  )
  const mistakes = Object.fromEntries([...stale].slice(0, NAMED_APPS))
  warn(log, [...stale.keys()], 'apps have settings that their plugins do not take', { mistakes })
}

function warn(log: Log, ids: readonly string[], message: string, more: object = {}): void {
  if (ids.length === 0) return
  log.warn({ appIds: ids.slice(0, NAMED_APPS), count: ids.length, ...more }, message)
}
