/**
 * Credentials: which apps and which admin a server starts with. The published development
 * credentials exist only while nothing but this machine can reach the server; bound to anything
 * else, what the settings do not bring is generated at the first start, stored, and shown once.
 */
import { ConfigError, isLoopback, SETTINGS, type Config } from './config'
import type { AppRecord, KeyRecord } from './core/apps'
import { NEW_APP, newAppId, newKeyPair } from './core/new-app'
import { clashesAmong, type ProvidedApp } from './core/provided-apps'
import { slugOf } from './http/slug'
import type { SqliteAppStore } from './store/apps'

/** Where a credential comes from; only `development` and `generated` ones are ever shown. */
export type Origin = 'development' | 'settings' | 'generated' | 'stored'

export type Admin = { readonly username: string; readonly passwordSha256: string }

export type Credentials = {
  /** The app that the start announces. */
  readonly app: KeyRecord & { readonly id: string; readonly origin: Origin }
  readonly admin: Admin & {
    readonly origin: Origin
    /** Empty where it can't be shown. */
    readonly password: string
  }
  /** The app to store once the server listens: what is shown only once must not be lost before. */
  readonly newApp: AppRecord | undefined
}

const DEVELOPMENT_APP: AppRecord = {
  ...NEW_APP,
  id: '1',
  name: 'Test App',
  slug: 'test-app',
  publicClientEvents: true,
  eplBridge: true,
  keys: [{ key: 'test-app-fake-key', secret: 'test-app-fake-secret' }],
}
const DEVELOPMENT_ADMIN = { username: 'pusher_admin_username', password: 'pusher_admin_password' }

/**
 * The apps that are not in the database; `fromFile` are those of the configuration file.
 * @throws ConfigError with a line for each clash among them
 */
export function providedApps(
  config: Config,
  fromFile: readonly ProvidedApp[] = [],
): readonly ProvidedApp[] {
  const provided = [...appOfSettings(config), ...fromFile]
  const clashes = clashesAmong(provided)
  if (clashes.length > 0) throw new ConfigError(clashes)
  if (provided.length > 0 || !isLoopback(config.host)) return provided
  const { webhooks } = config
  return [{ ...DEVELOPMENT_APP, webhooks, providedBy: 'the development defaults' }]
}

/** Reads what is stored and makes up what is missing; writes nothing. */
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
  return {
    app: { id: record.id, key, secret, origin },
    newApp: known ? undefined : record,
    admin: resolveAdmin(config, store),
  }
}

const originOf = ({ keys }: ProvidedApp): Origin =>
  keys === DEVELOPMENT_APP.keys ? 'development' : 'settings'

/** What anybody may know, since it is in the README; nothing that settings or the store bring. */
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

function resolveAdmin(config: Config, store: SqliteAppStore): Credentials['admin'] {
  const { adminUsername, adminPassword } = config
  if (adminUsername !== undefined && adminPassword !== undefined)
    return {
      username: adminUsername,
      passwordSha256: sha256(adminPassword),
      password: '',
      origin: 'settings',
    }
  if (isLoopback(config.host)) {
    const { username, password } = DEVELOPMENT_ADMIN
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

function sha256(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex')
}
