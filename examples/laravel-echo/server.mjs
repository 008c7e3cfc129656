/**
 * Stands in for a Laravel application, so that the page can be tried without one: it serves the page, answers
 * `/broadcasting/auth` and broadcasts as Laravel does.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import Pusher from 'pusher'

const { PORT = '8000' } = process.env
const MAX_BODY_BYTES = 4096

const pusher = new Pusher({
  appId: '1',
  key: 'test-app-fake-key',
  secret: 'test-app-fake-secret',
  host: '127.0.0.1',
  port: '6001',
  useTLS: false,
})

/** The table `users`. Here the token of a page is the id of its user; Laravel has a session. */
const USERS = [
  { id: 1, name: 'Ann' },
  { id: 2, name: 'Ben' },
]

/** `routes/channels.php`: who may enter, and as whom in a presence channel. */
const CHANNELS = [
  [/^private-App\.Models\.User\.(\d+)$/, (user, id) => user.id === Number(id)],
  [/^presence-support\.(\d+)$/, (user) => ({ user_id: String(user.id), user_info: user })],
]

const SOCKET_ID = /^\d+\.\d+$/

const POSTS = new Map([
  ['/broadcasting/auth', authorize],
  ['/orders', ship],
])

function authorize(user, { socket_id: socketId, channel_name: channel }) {
  if (typeof channel !== 'string' || !SOCKET_ID.test(socketId)) return undefined
  for (const [pattern, decide] of CHANNELS) {
    const found = pattern.exec(channel)
    const answer = found && decide(user, found[1])
    if (answer)
      return pusher.authorizeChannel(socketId, channel, answer === true ? undefined : answer)
  }
  return undefined
}

let orders = 0

/** What a controller does: `broadcast(new OrderShipped($order))->toOthers()`, and `$user->notify(...)`. */
async function ship(user, { item }, socketId) {
  const order = { id: ++orders, item: String(item).slice(0, 80), by: user.name }
  const others = socketId ? { socket_id: socketId } : {}
  await pusher.trigger('orders', 'App\\Events\\OrderShipped', { order }, others)
  await pusher.trigger(
    `private-App.Models.User.${user.id}`,
    'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated',
    { id: randomUUID(), type: 'App\\Notifications\\OnItsWay', order },
  )
  return { order }
}

/** The page, and what it loads: its own files and the two libraries, from `node_modules`. */
const FILES = new Map([
  ['/', [import.meta.resolve('./public/index.html'), 'text/html']],
  ['/page.js', [import.meta.resolve('./public/page.js'), 'text/javascript']],
  ['/style.css', [import.meta.resolve('./public/style.css'), 'text/css']],
  ['/vendor/echo.js', [import.meta.resolve('laravel-echo'), 'text/javascript']],
  [
    '/vendor/pusher.js',
    [import.meta.resolve('pusher-js/dist/web/pusher.min.js'), 'text/javascript'],
  ],
])

/** Nothing but these files runs on the page, and it talks to nobody but this server and Carillon. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src data:',
  "connect-src 'self' ws://127.0.0.1:6001 wss://127.0.0.1:6001",
].join('; ')

async function serveFile(path, response) {
  const [file, type] = FILES.get(path) ?? []
  if (file === undefined) return void response.writeHead(404).end('There is nothing here')
  const head = { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': POLICY }
  response.writeHead(200, head).end(await readFile(new URL(file)))
}

async function answerPost(path, request, response) {
  const { authorization, 'content-type': type = '', 'content-length': length } = request.headers
  const user = USERS.find(({ id }) => authorization === `Bearer ${id}`)
  const action = POSTS.get(path)
  if (!user || !action || !(Number(length) <= MAX_BODY_BYTES))
    return void response.writeHead(403).end('Forbidden')
  const body = await text(request)
  const fields = type.includes('json')
    ? JSON.parse(body)
    : Object.fromEntries(new URLSearchParams(body))
  const answer = await action(user, fields ?? {}, request.headers['x-socket-id'])
  if (answer === undefined) return void response.writeHead(403).end('Forbidden')
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}

async function serve(request, response) {
  const [path] = request.url.split('?') // and no `new URL`, which throws for `//`
  try {
    if (request.method === 'POST') await answerPost(path, request, response)
    else await serveFile(path, response)
  } catch (error) {
    if (error.code === 'ECONNRESET') return // whoever asked has gone, or was too slow
    console.error(error.message)
    response.writeHead(500).end('Something broke')
  }
}

const server = createServer({ requestTimeout: 5000 }, serve).listen(
  Number(PORT),
  '127.0.0.1',
  () => {
    console.log(`Open http://127.0.0.1:${server.address().port}/?as=1`)
  },
)
