/**
 * Credentials: the apps and the admin that a server starts with. The published development credentials
 * exist only while nothing but this machine can reach the server. Otherwise (another address, or a proxy
 * that is named) what the settings lack is generated at the first start, stored, and shown once.
 */
import { ConfigError, exposure, SETTINGS, type Config } from './config'
import { NEW_APP, newAppId, newKeyPair, type AppRecord, type KeyRecord } from '../core/app'
import type { Apps } from '../core/apps'
import { findClashes } from '../core/app-names'
import type { ProvidedApp } from '../core/provided-apps'
import { isPublished, PUBLISHED } from '../core/published-credentials'
import { sha256 } from '../core/signature'
import type { Log } from '../core/types'
import { slugOf } from '../apps/slug'
import type { SqliteAppStore } from '../store/apps'

/** Where a credential comes from; only `development` and `generated` ones are ever shown. */
export type Origin = 'development' | 'settings' | 'generated' | 'stored'

export type Admin = { readonly username: string; readonly passwordSha256: string }

export type Credentials = {
  /** The app that the start announces. */
  readonly app: KeyRecord & { readonly id: string; readonly origin: Origin }
  readonly admin: Admin & {
    readonly origin: Origin
    /** Empty where only its hash is known. */
    readonly password: string
    /** True where the password is the published one, also from the settings. */
    readonly isPublished: boolean
  }
  /** The app to store once the server listens: a start that fails must not use up its secret. */
  readonly newApp: AppRecord | undefined
}

const DEVELOPMENT_APP: AppRecord = {
  ...NEW_APP,
  id: PUBLISHED.appId,
  name: 'Test App',
  slug: 'test-app',
  dialects: { publicClientEvents: true, eplBridge: true },
  keys: [{ key: PUBLISHED.key, secret: PUBLISHED.secret }],
}

/**
 * The apps that are not in the database; `fromFile` are those of the configuration file.
 * @throws ConfigError with a line for each clash among them, and each published secret that others could use
 */
export function providedApps(
  config: Config,
  fromFile: readonly ProvidedApp[] = [],
): readonly ProvidedApp[] {
  const provided = [...appOfSettings(config), ...fromFile]
  const clashes = findClashes(provided)
  const mistakes = [...clashes, ...publishedMistakes(config, provided)]
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  if (provided.length > 0 || exposure(config)) return provided
  const { webhooks } = config
  return [{ ...DEVELOPMENT_APP, webhooks, providedBy: 'the development defaults' }]
}

/** A line for each published secret in settings and file, of a server that others can reach. */
function publishedMistakes(config: Config, provided: readonly ProvidedApp[]): string[] {
  const reason = exposure(config)
  if (reason === undefined) return []
  const mistake = (what: string): string =>
    `${what} is the published one: expected one of your own, since ${reason}`
  const apps = provided
    .filter(({ keys }) => keys.some(({ secret }) => isPublished(secret)))
    .map(({ id, providedBy }) =>
      mistake(
        providedBy === SETTINGS.appId.env
          ? SETTINGS.appSecret.env
          : `${providedBy}: the secret of the app ${id}`,
      ),
    )
  const isAdmin = config.adminPassword === PUBLISHED.password
  return isAdmin ? [...apps, mistake(SETTINGS.adminPassword.env)] : apps
}

/** Warns of stored apps with the published secret. They stop no start: that secret is refused unless a request is local. */
export function warnPublished(config: Config, apps: Apps, log: Log): void {
  const reason = exposure(config)
  if (reason === undefined || !apps.anyPublished) return
  const appIds = Array.from(apps.all()).flatMap(({ id, isPublished }) => (isPublished ? id : []))
  log.warn(
    { appIds, reason },
    'stored apps have the published secret, which is good on this machine only',
  )
}

/** Reads stored credentials and generates missing ones; writes nothing. */
export function resolveCredentials(
  config: Config,
  store: SqliteAppStore,
  provided = providedApps(config),
): Credentials {
  const [first] = provided
  const known = first ?? store.all()[0]
  const record = known ?? generateApp()
  const origin = first ? originOf(first) : known ? 'stored' : 'generated'
  const { key, secret } = record.keys.at(-1)!
  const admin = resolveAdmin(config, store)
  return {
    app: { id: record.id, key, secret, origin },
    newApp: known ? undefined : record,
    admin: { ...admin, isPublished: admin.passwordSha256 === sha256(PUBLISHED.password) },
  }
}

/** Stores what was generated. Only once the server listens: a start that fails must not use it up. */
export function storeGenerated(
  { newApp, admin }: Credentials,
  store: SqliteAppStore,
  apps: Apps,
  now: number,
): void {
  if (newApp) apps.create(newApp, now)
  if (admin.origin === 'generated') store.insertAdmin(admin.username, admin.passwordSha256, now)
}

/** True where something is to be stored that was made at this start. */
export const isGenerated = ({ newApp, admin }: Credentials): boolean =>
  newApp !== undefined || admin.origin === 'generated'

const originOf = ({ keys }: ProvidedApp): Origin =>
  keys === DEVELOPMENT_APP.keys ? 'development' : 'settings'

/** Credentials that anybody may know, since README.md and docs/admin-api.md have them; none of the settings or the store. */
export function publishedCredentials({ app, admin }: Credentials) {
  return {
    ...(app.origin === 'development' && { appId: app.id, key: app.key, secret: app.secret }),
    ...(admin.origin === 'development' && { username: admin.username, password: admin.password }),
  }
}

function appOfSettings(config: Config): ProvidedApp[] {
  const { appId: id, appKey, appSecret, clientEvents, webhooks } = config
  if (id === undefined || appKey === undefined || appSecret === undefined) return []
  const keys = [{ key: appKey, secret: appSecret }]
  const name = `App ${id}`
  const app = { ...NEW_APP, id, name, slug: slugOf(name), keys, clientEvents, webhooks }
  return [{ ...app, providedBy: SETTINGS.appId.env }]
}

function generateApp(): AppRecord {
  const [name, slug] = ['Default App', 'default-app']
  return { ...NEW_APP, id: newAppId(), name, slug, keys: [newKeyPair()] }
}

function resolveAdmin(
  config: Config,
  store: SqliteAppStore,
): Omit<Credentials['admin'], 'isPublished'> {
  const { adminUsername, adminPassword } = config
  if (adminUsername !== undefined && adminPassword !== undefined) {
    const passwordSha256 = sha256(adminPassword)
    return { username: adminUsername, passwordSha256, password: '', origin: 'settings' }
  }
  if (exposure(config) === undefined) {
    const { username, password } = PUBLISHED
    return { username, password, passwordSha256: sha256(password), origin: 'development' }
  }
  const stored = store.admin()
  if (stored) {
    const { username, password_sha256: passwordSha256 } = stored
    return { username, passwordSha256, password: '', origin: 'stored' }
  }
  // 122 random bits need no slow hash.
  const [username, password] = ['admin', crypto.randomUUID()]
  return { username, password, passwordSha256: sha256(password), origin: 'generated' }
}
