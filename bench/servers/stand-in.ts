/**
 * A stand-in for a server that somebody moves from or back to: Pusher's protocol for public, private and presence
 * channels, signed triggers, webhooks that are sent once, and 4200 to all when it is told to stop. It reads a file of
 * soketi's: `--config=FILE`. Nothing of it is Carillon's.
 */
import type { ServerWebSocket } from 'bun'
import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

type App = {
  readonly id: string
  readonly key: string
  readonly secret: string
  readonly webhooks: readonly { readonly url: string }[]
}
type File = {
  readonly host: string
  readonly port: number
  readonly 'appManager.array.apps': readonly [App]
}
type Client = ServerWebSocket<{ readonly id: string; readonly channels: Map<string, Member> }>
type Member = { readonly user_id: string; readonly user_info?: object } | undefined
type Subscribe = {
  readonly channel: string
  readonly auth?: string
  readonly channel_data?: string
}
type Trigger = {
  readonly name: string
  readonly channels: readonly string[]
  readonly data: string
}

const { values } = parseArgs({ options: { config: { type: 'string' } } })
const file = JSON.parse(readFileSync(values.config!, 'utf8')) as File
const [app] = file['appManager.array.apps']
const channels = new Map<string, Set<Client>>()
const clients = new Set<Client>()
let connections = 0

const sign = (text: string): string => createHmac('sha256', app.secret).update(text).digest('hex')

const frame = (event: string, data: object, channel?: string): string =>
  JSON.stringify({ event, channel, data: JSON.stringify(data) })

const server = Bun.serve<Client['data'], never>({
  hostname: file.host,
  port: file.port,
  async fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === `/app/${app.key}`) {
      const data = { id: `1.${++connections}`, channels: new Map() }
      return server.upgrade(request, { data }) ? undefined : new Response('', { status: 400 })
    }
    if (pathname !== `/apps/${app.id}/events`) return new Response('OK')
    const body = await request.text()
    const { auth_signature: signature, ...signed } = Object.fromEntries(searchParams)
    const query = Object.keys(signed)
      .toSorted()
      .map((name) => `${name}=${signed[name]}`)
    const isGenuine =
      sign(`POST\n${pathname}\n${query.join('&')}`) === signature &&
      signed['body_md5'] === createHash('md5').update(body).digest('hex')
    if (!isGenuine) return new Response('wrong signature', { status: 401 })
    publish(JSON.parse(body) as Trigger)
    return Response.json({})
  },
  websocket: {
    open(ws) {
      clients.add(ws)
      const hello = { socket_id: ws.data.id, activity_timeout: 120 }
      ws.send(frame('pusher:connection_established', hello))
    },
    message(ws, text) {
      const { event, data } = JSON.parse(String(text)) as { event: string; data: Subscribe }
      if (event === 'pusher:ping') ws.send(frame('pusher:pong', {}))
      else if (event === 'pusher:subscribe') subscribe(ws, data)
    },
    close(ws) {
      clients.delete(ws)
      for (const channel of ws.data.channels.keys()) leave(ws, channel)
    },
  },
})

function publish({ name, channels: names, data }: Trigger): void {
  for (const channel of names)
    for (const client of channels.get(channel) ?? [])
      client.send(JSON.stringify({ event: name, channel, data }))
}

function subscribe(ws: Client, { channel, auth, channel_data: text }: Subscribe): void {
  const needsSignature = /^(private|presence)-/.test(channel)
  const signed = [ws.data.id, channel, text].filter((part) => part !== undefined).join(':')
  if (needsSignature && auth !== `${app.key}:${sign(signed)}`)
    return void ws.send(frame('pusher:subscription_error', { type: 'AuthError' }, channel))
  const member = text === undefined ? undefined : (JSON.parse(text) as Member)
  const inside = channels.get(channel) ?? new Set()
  channels.set(channel, inside)
  if (inside.size === 0) tell('channel_occupied', channel)
  if (member) for (const client of inside) client.send(newsOf('added', member, channel))
  inside.add(ws)
  ws.data.channels.set(channel, member)
  ws.send(frame('pusher_internal:subscription_succeeded', listMembers(inside, channel), channel))
}

const newsOf = (what: 'added' | 'removed', member: object, channel: string): string =>
  frame(`pusher_internal:member_${what}`, member, channel)

function listMembers(inside: ReadonlySet<Client>, channel: string): object {
  if (!channel.startsWith('presence-')) return {}
  const members = [...inside].map(({ data }) => data.channels.get(channel)!)
  const hash = Object.fromEntries(members.map((each) => [each.user_id, each.user_info ?? {}]))
  return { presence: { ids: Object.keys(hash), hash, count: members.length } }
}

function leave(ws: Client, channel: string): void {
  const inside = channels.get(channel)!
  inside.delete(ws)
  const member = ws.data.channels.get(channel)
  if (member) for (const client of inside) client.send(newsOf('removed', member, channel))
  if (inside.size === 0) tell('channel_vacated', channel)
}

/** Once, as it comes: who does not listen misses it. */
function tell(name: string, channel: string): void {
  const body = JSON.stringify({ time_ms: Date.now(), events: [{ name, channel }] })
  const headers = { 'x-pusher-key': app.key, 'x-pusher-signature': sign(body) }
  for (const { url } of app.webhooks)
    fetch(url, { method: 'POST', body, headers }).catch(() => undefined) // nobody listens
}

process.on('SIGTERM', () => {
  for (const client of clients) client.close(4200, 'Server closed. Please reconnect shortly.')
  void server.stop().then(() => process.exit(0))
})
