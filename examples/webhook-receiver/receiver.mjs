/** Takes webhooks, and knows from them who is online: `GET /` says who. */
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import Pusher from 'pusher'

const { PORT = '3000' } = process.env
const MAX_BODY_BYTES = 1_000_000

const pusher = new Pusher({
  appId: process.env.PUSHER_APP_ID ?? '1',
  key: process.env.PUSHER_APP_KEY ?? 'test-app-fake-key',
  secret: process.env.PUSHER_APP_SECRET ?? 'test-app-fake-secret',
  host: '127.0.0.1',
  port: '6001',
  useTLS: false,
})

/** Presence channels, and the ids of those who are there. */
const online = new Map()

/**
 * What each event changes. An event may come twice, so it says how things are, and is not counted. Only a change is
 * news: whatever must not be done twice belongs where the news are told.
 */
const CHANGES = {
  member_added({ channel, user_id: id }) {
    const ids = online.get(channel) ?? new Set()
    if (ids.has(id)) return
    online.set(channel, ids.add(id))
    console.log(`${id} is online in ${channel}`)
  },
  member_removed({ channel, user_id: id }) {
    const ids = online.get(channel)
    if (!ids?.delete(id)) return
    if (ids.size === 0) online.delete(channel)
    console.log(`${id} has left ${channel}`)
  },
}

/** Asks who is online already, since events tell only of what happens from now on. */
async function loadOnline() {
  const presence = { filter_by_prefix: 'presence-' }
  const { channels } = await (await pusher.get({ path: '/channels', params: presence })).json()
  for (const channel of Object.keys(channels)) {
    const { users } = await (await pusher.get({ path: `/channels/${channel}/users` })).json()
    online.set(channel, new Set(users.map(({ id }) => id)))
  }
}

/** All that is to be done, one after the other in the order in which it came. */
let work = loadOnline().catch(({ message }) => console.error(`Nobody is known yet: ${message}`))

function workThrough(events) {
  for (const event of events)
    work = work.then(() => CHANGES[event.name]?.(event)).catch((error) => console.error(error))
}

async function take(request) {
  if (!(Number(request.headers['content-length']) <= MAX_BODY_BYTES)) return 413
  // The text as it was sent: it was signed byte for byte. JSON that was parsed and written again is another text.
  const rawBody = await text(request)
  const webhook = pusher.webhook({ headers: request.headers, rawBody })
  if (!request.headers['x-pusher-signature'] || !webhook.isValid()) return 401
  if (request.headers['x-carillon-test']) console.log('A test event has arrived')
  else workThrough(webhook.getEvents())
  return 200 // at once: what is to be done is not waited for
}

async function listOnline() {
  await work // what has been taken is in the table
  return [...online].map(([channel, ids]) => `${channel}: ${[...ids].join(', ')}\n`).join('')
}

async function serve(request, response) {
  const isPost = request.method === 'POST'
  const status = isPost ? await take(request).catch(() => 400) : 200
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(isPost ? '' : await listOnline())
}

/** Whoever is slow to send is cut off after ten seconds. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 10_000 }

const server = createServer(TIMEOUTS, serve).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Taking webhooks on http://127.0.0.1:${server.address().port}/`)
})
