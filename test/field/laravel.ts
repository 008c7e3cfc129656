/**
 * A Laravel application as its clients see it: what `/broadcasting/auth` answers, byte for byte as
 * Laravel's PusherBroadcaster makes it, and Laravel Echo as its `bootstrap.js` sets it up for soketi.
 */
import { createHash, createHmac } from 'node:crypto'
import Echo from 'laravel-echo'
import Pusher from 'pusher-js'

/** What changes in the application's `.env` when it moves. */
export type Environment = {
  readonly PUSHER_APP_ID: string
  readonly PUSHER_APP_KEY: string
  readonly PUSHER_APP_SECRET: string
  readonly PUSHER_HOST: string
  readonly PUSHER_PORT: number
}

/** A row of `users`: its key is a number, as Laravel's are. */
export type User = { readonly id: number; readonly name: string }

/** `ENCRYPTION_KEY` of `config/broadcasting.php`. */
export const MASTER_KEY = Buffer.alloc(32, 7).toString('base64')

/** `json_encode`: slashes and whatever is not ASCII are escaped. */
export const encodePhp = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll('/', String.raw`\/`)
    .replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Starts the application's server. The bearer token of a request is the user's id. */
export function startApplication(env: Environment, users: readonly User[]) {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    routes: {
      '/broadcasting/auth': {
        POST: async (request) => {
          const token = request.headers.get('authorization')?.replace('Bearer ', '')
          const user = users.find(({ id }) => String(id) === token)
          if (!user) return new Response('', { status: 403 })
          const form = new URLSearchParams(await request.text())
          const answer = authorizeBroadcasting(
            env,
            user,
            form.get('socket_id')!,
            form.get('channel_name')!,
          )
          return new Response(answer, { headers: { 'content-type': 'application/json' } })
        },
      },
    },
  })
  return {
    /** Laravel Echo in the browser of a user. */
    echo: (user: User) => echoOf(env, server.port!, user),
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

function authorizeBroadcasting(
  env: Environment,
  user: User,
  socketId: string,
  channel: string,
): string {
  const { PUSHER_APP_KEY: key, PUSHER_APP_SECRET: secret } = env
  const isPresence = channel.startsWith('presence-')
  const data = isPresence ? encodePhp({ user_id: user.id, user_info: user }) : undefined
  const text = [socketId, channel, data].filter((part) => part !== undefined).join(':')
  const auth = `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`
  if (isPresence) return encodePhp({ auth, channel_data: data })
  if (!channel.startsWith('private-encrypted-')) return encodePhp({ auth })
  const hash = createHash('sha256').update(channel).update(Buffer.from(MASTER_KEY, 'base64'))
  return encodePhp({ auth, shared_secret: hash.digest('base64') })
}

function echoOf(env: Environment, port: number, { id }: User): Echo<'pusher'> {
  return new Echo<'pusher'>({
    broadcaster: 'pusher',
    Pusher,
    key: env.PUSHER_APP_KEY,
    cluster: 'mt1',
    wsHost: env.PUSHER_HOST,
    wsPort: env.PUSHER_PORT,
    wssPort: env.PUSHER_PORT,
    forceTLS: false,
    disableStats: true,
    enabledTransports: ['ws', 'wss'],
    // A page has both from where it stands.
    authEndpoint: `http://127.0.0.1:${port}/broadcasting/auth`,
    // `bearerToken` would be put into defaults that all Echos of a page share.
    auth: { headers: { authorization: `Bearer ${id}` } },
  })
}
