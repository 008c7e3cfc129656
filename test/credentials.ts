/** Credentials of requests: of the published development app and the published admin. */

/** The header for `name:password`. */
export const makeBasicAuth = (pair: string) => ({ authorization: `Basic ${btoa(pair)}` })

/** Key and secret of the app. */
export const PAIR = 'test-app-fake-key:test-app-fake-secret'

/** Name and password of the admin. */
export const ADMIN_PAIR = 'pusher_admin_username:pusher_admin_password'
