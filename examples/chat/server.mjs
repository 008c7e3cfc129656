// Serves the page, signs its subscriptions and publishes what is said. Runs on Node.js 20 and on Bun.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import Pusher from 'pusher'

const {
  CARILLON_URL = 'http://127.0.0.1:6001',
  PUSHER_APP_ID: appId = '1',
  PUSHER_APP_KEY: key = 'test-app-fake-key',
  PUSHER_APP_SECRET: secret = 'test-app-fake-secret',
  WORD = 'quasimodo', // whoever knows it is let into the private room
  PORT = '3000',
} = process.env

const { origin, protocol, hostname, port } = new URL(CARILLON_URL)
const useTLS = protocol === 'https:'
const at = { host: hostname, port: port || (useTLS ? '443' : '80') }
const pusher = new Pusher({ appId, key, secret, ...at, useTLS })

const ROOMS = ['presence-lobby', 'private-belfry']
/** A public channel that every page subscribes to. */
const EVERYBODY = 'everybody'

/** Who may enter a room. A real backend asks its session who it is, and not the form. */
function admit(room, { name, word }) {
  if (!ROOMS.includes(room) || !name) throw new Refusal(403, 'There is no such room.')
  if (room.startsWith('private-') && word !== WORD)
    throw new Refusal(403, 'That is not the word of this room.')
}

const ACTIONS = {
  /** The endpoint that both libraries ask before they enter a room. */
  '/auth': ({ socket_id, channel_name, user_id: name, word }) => {
    admit(channel_name, { name, word })
    if (!/^\d+\.\d+$/.test(socket_id)) throw new Refusal(400, 'That is no socket id.')
    const isPresence = channel_name.startsWith('presence-')
    const user = isPresence ? { user_id: name, user_info: { name } } : undefined
    return pusher.authorizeChannel(socket_id, channel_name, user)
  },
  /** Publishes to one room, or to everybody. */
  '/messages': async ({ room, name, text, broadcast, word }) => {
    admit(room, { name, word })
    const message = { id: crypto.randomUUID(), at: Date.now(), name, text }
    if (broadcast) await pusher.trigger(EVERYBODY, 'broadcast', message)
    else await pusher.trigger(room, 'message', message)
    return message
  },
}

class Refusal extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

const FILES = {
  '/': ['text/html', './public/index.html'],
  '/style.css': ['text/css', './public/style.css'],
  '/pane.js': ['text/javascript', './public/pane.js'],
  '/log.js': ['text/javascript', './public/log.js'],
  '/with-pusher.js': ['text/javascript', './public/with-pusher.js'],
  '/with-phoenix.js': ['text/javascript', './public/with-phoenix.js'],
  '/resume.js': ['text/javascript', '../../src/client/resume.js'],
  '/pusher.js': ['text/javascript', import.meta.resolve('pusher-js/dist/web/pusher.min.js')],
  '/phoenix.js': ['text/javascript', import.meta.resolve('phoenix')],
}

/** The page talks to this server and to Carillon, and runs no script of anybody else. */
const socketUrl = origin.replace('http', 'ws')
const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ${origin} ${socketUrl}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** Pages of others can send forms here, too. Browsers say where each comes from. */
const isOfOthers = ({ origin, host }) => origin !== undefined && !origin.endsWith(`//${host}`)

async function readForm(request) {
  if (isOfOthers(request.headers)) throw new Refusal(403, 'That page may not ask here.')
  let body = ''
  for await (const chunk of request)
    if ((body += chunk).length > 10_000) throw new Refusal(413, 'That is too long.')
  return Object.fromEntries(new URLSearchParams(body))
}

createServer(async (request, response) => {
  const answer = (status, type, body) =>
    response
      .writeHead(status, { 'content-type': type, 'content-security-policy': policy })
      .end(body)
  const json = (status, value) => answer(status, 'application/json', JSON.stringify(value))
  try {
    const path = request.url.split('?')[0]
    if (path === '/settings') json(200, { ...at, useTLS, key, url: origin })
    else if (request.method === 'POST' && Object.hasOwn(ACTIONS, path))
      json(200, await ACTIONS[path](await readForm(request)))
    else if (Object.hasOwn(FILES, path)) {
      const [type, file] = FILES[path]
      answer(200, type, await readFile(fileURLToPath(new URL(file, import.meta.url))))
    } else throw new Refusal(404, 'Nothing is here.')
  } catch (error) {
    if (error instanceof Refusal) return json(error.status, { reason: error.message })
    const reason = error.body ?? (error.url ? 'it does not answer.' : error.message)
    json(502, { reason: `Carillon did not take it: ${reason}` })
  }
}).listen(PORT, '127.0.0.1', () => console.log(`Open http://127.0.0.1:${PORT}`))
