/** What a request says who it is: the published development app, the published admin, or anybody else. */

/** The header for `name:password`. */
export const basic = (pair: string) => ({ authorization: `Basic ${btoa(pair)}` })

/** Key and secret of the app. */
export const PAIR = 'test-app-fake-key:test-app-fake-secret'

/** Name and password of the admin. */
export const ADMIN_PAIR = 'pusher_admin_username:pusher_admin_password'
