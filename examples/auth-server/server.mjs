/**
 * Decides who may enter which channel, and signs for those who may. `/pusher/auth` and `/pusher/user-auth`
 * are where Pusher's clients ask; each question is a form or a JSON object.
 */
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import Pusher from 'pusher'

const { PORT = '3000', PAGE_ORIGIN = 'http://127.0.0.1:8080', MASTER_KEY } = process.env

/** Signing needs no connection to the server: only the key and the secret that it knows, too. */
const pusher = new Pusher({
  appId: process.env.PUSHER_APP_ID ?? '1',
  key: process.env.PUSHER_APP_KEY ?? 'test-app-fake-key',
  secret: process.env.PUSHER_APP_SECRET ?? 'test-app-fake-secret',
  ...(MASTER_KEY && { encryptionMasterKeyBase64: MASTER_KEY }),
})

/** Who is signed in, by the secret of their session. Yours are in a database. */
const SESSIONS = new Map([
  ['adas-session', { id: 'ada', name: 'Ada' }],
  ['bens-session', { id: 'ben', name: 'Ben' }],
])

/** Who may enter which room, by any of its channels: `private-board`, `presence-board`. */
const ROOMS = new Map([
  ['team', ['ada', 'ben']],
  ['board', ['ada']],
])

/** The longest prefix first: `private-encrypted-team` is no room called `encrypted-team`. */
const CHANNEL = /^(?:private-encrypted|private|presence)-(?:cache-)?([\w-]{1,100})$/
const SOCKET_ID = /^\d{1,20}\.\d{1,20}$/
const MAX_BODY_BYTES = 4096

/** What is answered to somebody who does not get what they ask for. */
class Refusal extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** The decision, and the part that is yours. Everybody has a room of their own: `private-user-ada`. */
function mayEnter(person, room) {
  return room === `user-${person.id}` || (ROOMS.get(room) ?? []).includes(person.id)
}

function signChannel(person, { socket_id: socketId, channel_name: channel }) {
  checkSocketId(socketId)
  const [, room] = (typeof channel === 'string' && CHANNEL.exec(channel)) || []
  if (room === undefined)
    throw new Refusal(400, 'channel_name is no channel that needs a signature')
  if (!mayEnter(person, room)) throw new Refusal(403, `${person.name} may not enter ${channel}`)
  if (channel.startsWith('private-encrypted-') && !MASTER_KEY)
    throw new Refusal(403, 'Encrypted channels need MASTER_KEY')
  // Who somebody is comes from their session, never from what they send.
  const member = { user_id: person.id, user_info: { name: person.name } }
  console.log(`${person.name} enters ${channel}`)
  return pusher.authorizeChannel(
    socketId,
    channel,
    channel.startsWith('presence-') ? member : undefined,
  )
}

function signUser(person, { socket_id: socketId }) {
  checkSocketId(socketId)
  console.log(`${person.name} signs in`)
  return pusher.authenticateUser(socketId, { id: person.id, user_info: { name: person.name } })
}

function checkSocketId(socketId) {
  if (typeof socketId !== 'string' || !SOCKET_ID.test(socketId))
    throw new Refusal(400, 'socket_id is that of a connection, like 1234.5678')
}

const SIGNERS = new Map([
  ['/pusher/auth', signChannel],
  ['/pusher/user-auth', signUser],
])

/** Returns what is answered as JSON; undefined for a browser that asks whether it may ask. */
async function answer(request) {
  const { origin, 'content-length': length } = request.headers
  // A cookie is sent by pages of others, too: they are turned away here.
  if (origin !== undefined && origin !== PAGE_ORIGIN)
    throw new Refusal(403, 'That page may not ask here')
  const sign = SIGNERS.get(request.url)
  if (sign === undefined) throw new Refusal(404, 'There is nothing here')
  if (request.method === 'OPTIONS') return undefined
  if (request.method !== 'POST') throw new Refusal(405, 'Only POST is served here')
  const person = SESSIONS.get(sessionOf(request))
  if (person === undefined) throw new Refusal(403, 'Sign in first')
  if (!(Number(length) <= MAX_BODY_BYTES)) throw new Refusal(413, 'That is no short question')
  return sign(person, parse(request.headers['content-type'], await text(request)))
}

/** From the cookie of a page that was served here, or the header of one that comes from elsewhere. */
function sessionOf({ headers: { authorization = '', cookie = '' } }) {
  const [, token] =
    /^Bearer (.+)$/.exec(authorization) ?? /(?:^|; )session=([^;]+)/.exec(cookie) ?? []
  return token
}

function parse(type = '', body) {
  if (!type.startsWith('application/json')) return Object.fromEntries(new URLSearchParams(body))
  try {
    return JSON.parse(body) ?? {}
  } catch {
    throw new Refusal(400, 'That is no JSON')
  }
}

const CORS = {
  'access-control-allow-origin': PAGE_ORIGIN,
  'access-control-allow-credentials': 'true',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-allow-methods': 'POST',
  'cache-control': 'no-store',
  vary: 'Origin',
}

async function serve(request, response) {
  try {
    const signed = await answer(request)
    if (signed === undefined) return void response.writeHead(204, CORS).end()
    response.writeHead(200, { ...CORS, 'content-type': 'application/json' })
    response.end(JSON.stringify(signed))
  } catch (error) {
    if (error.code === 'ECONNRESET') return // whoever asked has gone, or was too slow
    const { status = 500, message } = error instanceof Refusal ? error : {}
    if (status === 500) console.error(error)
    else console.log(`${status}: ${message}`)
    if (!response.headersSent) response.writeHead(status, { ...CORS, 'content-type': 'text/plain' })
    response.end(message ?? 'Something broke')
  }
}

/** Whoever is slow to ask is cut off after five seconds. */
const TIMEOUTS = { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 }

const server = createServer(TIMEOUTS, serve).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Signing on http://127.0.0.1:${server.address().port}`)
})
