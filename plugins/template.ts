/**
 * Template: private channels for the users in a table of your own. Copy it, and its test
 * (`test/plugins/template.test.ts`), and change them.
 *
 * A client sends its session in the address (`?session=...`); `sessions` has its user, and `grants` the
 * channels that the user may listen to. All others need a signature, as without the plugin.
 */
import { Database } from 'bun:sqlite'
import { allow, definePlugin, reject } from 'carillon/plugin'

export type TemplateOptions = {
  /** The SQLite file with `sessions (token, user)` and `grants (user, channel)`. */
  readonly database: string
}

const USER = 'SELECT user FROM sessions WHERE token = $token'
const GRANT = 'SELECT 1 AS granted FROM grants WHERE user = $user AND channel = $channel'

export const template = ({ database }: TemplateOptions) =>
  definePlugin({
    name: 'template',
    carillon: 1,
    locals: () => ({ user: undefined as string | undefined }),
    setup({ counter, signal }) {
      const db = new Database(database, { readonly: true, strict: true })
      signal.addEventListener('abort', () => db.close())
      const user = db.query<{ user: string }, { token: string }>(USER)
      const grant = db.query<{ granted: 1 }, { user: string; channel: string }>(GRANT)
      const granted = counter('granted', 'subscriptions that the table allowed')
      return {
        connect({ locals }, { query }) {
          const token = query.get('session')
          if (token === null) return // a guest: signatures decide
          locals.user = user.get({ token })?.user
          if (locals.user === undefined) return reject('Unknown session; log in again')
        },
        authorize({ locals: { user } }, { channel }) {
          if (user === undefined || !grant.get({ user, channel })) return
          granted.count++
          return allow({ channelData: JSON.stringify({ user_id: user }) })
        },
      }
    },
  })
