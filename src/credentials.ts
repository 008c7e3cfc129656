/**
 * Credentials: which app and which admin a server starts with. The published development
 * credentials exist only while nothing but this machine can reach the server; bound to anything
 * else, what the settings do not bring is generated at the first start, stored, and shown once.
 */
import { isLoopback, type Config } from './config'
import type { AppRecord } from './core/apps'
import type { AppStore } from './store/apps'

/** Where a credential comes from; only `development` and `generated` ones are ever shown. */
export type Origin = 'development' | 'settings' | 'generated' | 'stored'

export type Admin = { readonly username: string; readonly passwordSha256: string }

export type Credentials = {
  /** The app that the start announces. */
  readonly app: AppRecord & { readonly origin: Origin }
  /** Every app, the announced one last: it wins over a stored one of the same id or key. */
  readonly apps: readonly AppRecord[]
  readonly admin: Admin & {
    readonly origin: Origin
    /** Empty where it can't be shown. */ readonly password: string
  }
}

const DEVELOPMENT_APP: AppRecord = {
  id: '1',
  name: 'Test App',
  slug: 'test-app',
  key: 'test-app-fake-key',
  secret: 'test-app-fake-secret',
  active: true,
  clientEvents: true,
}
const DEVELOPMENT_ADMIN = { username: 'pusher_admin_username', password: 'pusher_admin_password' }

/** Reads what is stored; writes what had to be generated. `now` is epoch milliseconds. */
export function resolveCredentials(config: Config, store: AppStore, now: number): Credentials {
  const stored = store.all()
  const app = resolveApp(config, stored, store, now)
  return { app, apps: [...stored, app], admin: resolveAdmin(config, store, now) }
}

function resolveApp(
  config: Config,
  stored: readonly AppRecord[],
  store: AppStore,
  now: number,
): Credentials['app'] {
  const { appId: id, appKey: key, appSecret: secret, clientEvents } = config
  if (id !== undefined && key !== undefined && secret !== undefined) {
    return {
      id,
      name: 'App from the settings',
      slug: 'app',
      key,
      secret,
      active: true,
      clientEvents,
      origin: 'settings',
    }
  }
  if (isLoopback(config.host)) return { ...DEVELOPMENT_APP, origin: 'development' }
  const [first] = stored
  if (first) return { ...first, origin: 'stored' }
  const generated = generateApp()
  store.insert(generated, now)
  return { ...generated, origin: 'generated' }
}

/** Digits for the id: two SDKs read nothing else from a `PUSHER_URL`. */
function generateApp(): AppRecord {
  const [random] = crypto.getRandomValues(new Uint32Array(1))
  return {
    id: String(100_000 + (random! % 900_000)),
    name: 'Default App',
    slug: 'default-app',
    key: crypto.randomUUID(),
    secret: crypto.randomUUID(),
    active: true,
    clientEvents: true,
  }
}

function resolveAdmin(config: Config, store: AppStore, now: number): Credentials['admin'] {
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
  store.insertAdmin(username, sha256(password), now)
  return { username, password, passwordSha256: sha256(password), origin: 'generated' }
}

export function sha256(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex')
}
