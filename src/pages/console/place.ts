/** Places: the server's addresses as this page knows them. A proxy may have put a prefix in front of all. */

const { href, pathname } = document.location

/** The server's root: the folder that `console` is in. Ends with a slash. */
export const ROOT = new URL(pathname.endsWith('/') ? '..' : '.', href)

const { dataset } = document.documentElement
const prefix = dataset['prefix'] ?? ''

/** Where clients connect, which is elsewhere if admins have an address of their own. Ends with a slash. */
export const PUBLIC = new URL(
  `${dataset['public'] || new URL(`.${prefix}`, ROOT).href.replace(/\/$/, '')}/`,
)

/** Swagger UI, where it is on. */
export const REFERENCE = dataset['reference'] ? new URL('swagger', ROOT).href : undefined

/** Where the public API is for requests of this page, which the policy of the page keeps at its own origin. */
const PUBLIC_FOLDER = dataset['split']
  ? `console/public${prefix}/`
  : `${prefix.slice(1)}${prefix && '/'}`

/** The path of an app's own API, below the root: `appPath('1', 'channels')`. */
export const appPath = (appId: string, rest: string): string =>
  `${PUBLIC_FOLDER}apps/${encodeURIComponent(appId)}/${rest}`

/** The path of an app in the admin API: `adminPath('my-app', 'keys')`. */
export const adminPath = (slug: string, rest = ''): string =>
  `api/admin/apps/${encodeURIComponent(slug)}${rest === '' ? '' : `/${rest}`}`
