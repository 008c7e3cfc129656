/**
 * The contract of plugins, checked on a real server: synchronous hooks do not wait, nothing fails whatever a
 * client sends, its routes included, each of which can be reached, nothing that hooks are shown is changed, a
 * stranger gets nothing that needs a signature (not even when the plugin's store is broken, nor in channels that
 * the plugin names), and nothing is left when the server has stopped, neither of its own nor in what all share.
 */
import { isPluginFault } from '../src/core/plugin-faults'
import type { AnyPlugin } from '../src/plugin'
import type { RawOptions } from './client'
import { ManualClock } from './clock'
import { OwnTimers } from './own-timers'
import { createServed, Kit, type ServeOptions } from './server'
import { breakStore, rememberChannels, watchStores } from './watched-plugin'
import { SharedState } from './shared-state'

export type ContractOptions = ServeOptions & {
  /** How a client connects that the plugin lets in, if it needs more than the address. */
  readonly arrive?: RawOptions
  /** True for a plugin that lets strangers into channels of any name on purpose. */
  readonly open?: boolean
  /** Channels of the plugin's own that are tried as well as those whose names its code has. */
  readonly channels?: readonly string[]
  /** Those of them that strangers may enter on purpose. */
  readonly openChannels?: readonly string[]
}

/**
 * Resolves for a plugin that keeps the contract.
 * @throws Error with one line for each breach
 */
export async function testPlugin(plugin: AnyPlugin, options: ContractOptions = {}): Promise<void> {
  const channels = new Set(options.channels)
  let hasStores = false
  const watched = watchStores(rememberChannels(plugin, channels), () => (hasStores = true))
  const breaches = await findBreaches(watched, options, channels)
  if (hasStores) {
    const broken = await findBreaches(breakStore(plugin), options, channels)
    breaches.push(...broken.filter((line) => line.startsWith(STRANGER)))
  }
  if (breaches.length > 0)
    throw new Error(
      [`plugin ${plugin.name} breaks its contract:`, ...new Set(breaches)].join('\n- '),
    )
}

const STRANGER = 'a stranger'

/** Runs some connections and events, good and bad, from start to stop. Returns a line for each breach. */
async function findBreaches(
  plugin: AnyPlugin,
  options: ContractOptions,
  channels: ReadonlySet<string>,
): Promise<string[]> {
  const shared = new SharedState()
  const timers = new OwnTimers()
  const breaches: string[] = []
  let kit: Kit
  try {
    kit = await startAndAdvance({ ...options, plugins: [plugin] })
    try {
      for (const step of STEPS)
        breaches.push(...(await step(kit, { ...options, channels: [...channels] })))
    } finally {
      await stopAndAdvance(kit)
    }
  } finally {
    for (const begun of timers.stop())
      breaches.push(
        `a timer of ${begun} runs on after the stop: those of clock end with the server`,
      )
    for (const name of shared.restore())
      breaches.push(`it changed ${name}, which everybody in the process uses`)
  }
  if (kit.clock.pending > 0) breaches.push(`${kit.clock.pending} timer(s) run on after the stop`)
  return [...breaches, ...findFaults(kit)]
}

/** How much faster the clock is while the server starts: one that never does is given up after 3 s. */
const HASTE = { everyMs: 100, byMs: 1000 }

async function startAndAdvance(options: ServeOptions): Promise<Kit> {
  const clock = new ManualClock(options.now ?? Date.now())
  const hasting = setInterval(() => clock.advance(HASTE.byMs), HASTE.everyMs)
  try {
    return new Kit(await createServed(options, { clock }))
  } finally {
    clearInterval(hasting)
  }
}

/** Stops the server and moves its clock meanwhile, so that what never answers times out. */
async function stopAndAdvance(kit: Kit): Promise<void> {
  let isDone = false
  const stopping = kit.stop().finally(() => (isDone = true))
  while (!isDone) {
    kit.advance(1000)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await stopping
}

function findFaults({ log }: Kit): string[] {
  return log.lines.flatMap(({ message, fields }) => {
    const { code, hook, err } = fields as { code?: string; hook?: string; err?: Error }
    if (!isPluginFault(code)) return []
    return [`${hook}: ${message}${err ? `: ${err.message}` : ''}`]
  })
}

type Step = (kit: Kit, options: ContractOptions) => Promise<string[]>

const STEPS: readonly Step[] = [
  addWebhooks,
  subscribeAsStranger,
  triggerAsStranger,
  connectAsMembers,
  callRoutes,
]

/** Changes the app: from now on it has webhooks, where nobody hears them. */
async function addWebhooks(kit: Kit): Promise<string[]> {
  const { record } = kit.server.core.apps.byId(kit.app.id)!
  const events = ['channel_occupied', 'client_event']
  const webhooks = [{ url: 'http://127.0.0.1:9/hook', event_types: events }]
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ app: { webhooks } })
  await kit.admin(`/api/admin/apps/${record.slug}`, { method: 'PATCH', headers, body })
  return []
}

/** Texts that are no signatures; a plugin's own tokens may look like them. */
const CREDENTIALS = [undefined, '', 'x', 'a.b.c', 'null', '{}', `key:${'0'.repeat(64)}`, '\u0000']
const GUARDED = ['private-carillon-test', 'presence-carillon-test', 'private-encrypted-carillon']

async function subscribeAsStranger(
  kit: Kit,
  { open = false, channels = [], openChannels = [] }: ContractOptions,
): Promise<string[]> {
  const breaches: string[] = []
  for (const channel of new Set([...GUARDED, ...channels])) {
    if (openChannels.includes(channel)) continue
    for (const auth of CREDENTIALS) {
      await using client = await kit.raw({ hello: false })
      const welcome = await readFrame(client)
      if (!welcome.includes('connection_established')) continue
      client.subscribe(channel, auth, '{"user_id":"1"}')
      const answer = await readFrame(client)
      if (!open && answer.includes('subscription_succeeded'))
        breaches.push(`${STRANGER} entered ${channel} with auth ${JSON.stringify(auth)}`)
    }
  }
  return breaches
}

async function triggerAsStranger(kit: Kit): Promise<string[]> {
  const body = '{"name":"e","channel":"room","data":"","event":"e"}'
  const events = `/apps/${kit.app.id}/events`
  // `/api/push` without credentials is left out: on this machine the published app needs none.
  const attempts = [
    [events, ''],
    ...[events, '/api/push'].flatMap((path) => WRONG_CREDENTIALS.map((w) => [path, w])),
  ]
  const answers = await Promise.all(
    attempts.map(async ([path = '', authorization = '']) => {
      const headers: Record<string, string> = authorization ? { authorization } : {}
      const { status } = await kit.http(path, { method: 'POST', body, headers })
      return status < 300
        ? [`${STRANGER} triggered an event with ${authorization || 'nothing'}`]
        : []
    }),
  )
  return answers.flat()
}

const WRONG_CREDENTIALS = ['Bearer x', 'Basic eDp4']

/** Connects clients with signatures that send good and bad frames and close in the middle of a command. */
async function connectAsMembers(kit: Kit, { arrive = {} }: ContractOptions): Promise<string[]> {
  for (const isStaying of [true, false]) {
    await using client = await kit.raw({ ...arrive, hello: false })
    const welcome = await readFrame(client)
    if (!welcome.includes('connection_established')) return []
    client.socketId = /\d+\.\d+/.exec(welcome)?.[0] ?? ''
    const member = '{"user_id":"1"}'
    kit.signin(client, '{"id":"1"}')
    client.subscribe('room')
    client.subscribe('private-room', kit.sign(client, 'private-room'))
    client.subscribe('presence-room', kit.sign(client, 'presence-room', member), member)
    client.send({ event: 'client-e', channel: 'private-room', data: { deep: [1, null, '\ud800'] } })
    client.send('not JSON')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await kit.trigger({ channel: 'private-room', name: 'e', data: 'text' })
    await push(kit)
    await kit.signed('GET', '/channels')
    await kit.admin('/api/admin/apps')
    if (isStaying) await client.heard()
  }
  return []
}

async function push(kit: Kit): Promise<void> {
  const headers = { authorization: `Basic ${btoa(`${kit.app.key}:${kit.app.secret}`)}` }
  const body = '{"channel":["room","private-room"],"data":[1],"event":"e"}'
  await kit.http('/api/push', { method: 'POST', headers, body })
}

/** What stands for each parameter of a path, and what is sent as JSON; undefined for no body. */
const PARAMETERS = ['x', '__proto__', '%F0%9F%98%80']
const BODIES = [undefined, '{', 'null', '{}', '[[]]']
/** For all routes together: those that answer when something happens need not. */
const ROUTES_LIMIT_MS = 1000

/** Calls every route of the plugin, as a stranger and as the admin; a fault is in the log. */
async function callRoutes(kit: Kit): Promise<string[]> {
  const breaches: string[] = []
  const calls: Promise<unknown>[] = []
  const signal = AbortSignal.timeout(ROUTES_LIMIT_MS)
  for (const { name, routes } of kit.server.plugins) {
    const { reachable } = routes
    for (const route of routes.app.routes) {
      const { method, path } = route
      if (!reachable.includes(route)) {
        breaches.push(`no request reaches ${method} ${path}: it is not below /plugins/${name}`)
        continue
      }
      for (const init of callsOf(method))
        for (const parameter of PARAMETERS) {
          const place = path.replace(/:[^/]+|\*/g, parameter)
          calls.push(drop(kit.http(place, { ...init, signal })))
          calls.push(drop(kit.admin(`${place}?a=1&a[]=2`, { ...init, signal })))
        }
    }
  }
  await Promise.all(calls)
  return breaches
}

function callsOf(method: string): readonly RequestInit[] {
  if (method === 'GET' || method === 'HEAD') return [{ method }]
  const headers = { 'content-type': 'application/json' }
  const sent = method === 'ALL' ? 'POST' : method
  return BODIES.map((body) => ({ method: sent, headers, ...(body !== undefined && { body }) }))
}

/** Resolves when the response begins, or never will. */
async function drop(response: Promise<Response>): Promise<void> {
  const { body } = await response.catch(() => new Response()) // given up
  await body?.cancel()
}

/** Reads the next frame, or the close as JSON. */
async function readFrame(client: { next(): Promise<string>; closed: Promise<object> }) {
  return Promise.race([client.next(), client.closed.then((closing) => JSON.stringify(closing))])
}
