/**
 * What every plugin promises, checked on a real server: hooks that may not wait do not, nothing fails
 * whatever a client says, a stranger gets nothing that a signature would have been asked for (not
 * even when the plugin's store is out of order), and nothing is left when the server has stopped.
 */
import { isPluginFault } from '../core/plugin-faults'
import type { AnyPlugin } from '../plugin'
import type { RawOptions } from './client'
import { serve, type Kit, type ServeOptions } from './server'

export type Promises = ServeOptions & {
  /** How a client arrives that the plugin lets in, if not empty-handed. */
  readonly arrive?: RawOptions
  /** The plugin lets strangers into channels of any name: on purpose. */
  readonly open?: boolean
}

/**
 * Resolves for a plugin that keeps the contract.
 * @throws Error with one line for each broken promise
 */
export async function testPlugin(plugin: AnyPlugin, promises: Promises = {}): Promise<void> {
  const broken = [
    ...(await walked(plugin, promises)),
    ...(await walked(withoutStore(plugin), promises)).filter((line) => line.startsWith(STRANGER)),
  ]
  if (broken.length > 0)
    throw new Error([`plugin ${plugin.name} breaks its contract:`, ...new Set(broken)].join('\n- '))
}

const STRANGER = 'a stranger'

/** The whole life of some connections and events, good and bad; what was wrong on the way. */
async function walked(plugin: AnyPlugin, promises: Promises): Promise<string[]> {
  const kit = await serve({ ...promises, plugins: [plugin] })
  const broken: string[] = []
  try {
    for (const step of STEPS) broken.push(...(await step(kit, promises)))
  } finally {
    await stopped(kit)
  }
  if (kit.clock.pending > 0) broken.push(`${kit.clock.pending} timer(s) run on after the stop`)
  return [...broken, ...faultsIn(kit)]
}

/** Stops it, the clock moved meanwhile: what never answers meets its limit. */
async function stopped(kit: Kit): Promise<void> {
  let done = false
  const stopping = kit.stop().finally(() => (done = true))
  while (!done) {
    kit.advance(1000)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await stopping
}

function faultsIn({ log }: Kit): string[] {
  return log.lines.flatMap(({ message, fields }) => {
    const { code, hook, err } = fields as { code?: string; hook?: string; err?: Error }
    if (!isPluginFault(code)) return []
    return [`${hook}: ${message}${err ? `: ${err.message}` : ''}`]
  })
}

type Step = (kit: Kit, promises: Promises) => Promise<string[]>

const STEPS: readonly Step[] = [strangersSubscribe, strangersTrigger, guestsComeAndGo]

/** What no signature is: texts that a plugin's own tokens may look like. */
const CREDENTIALS = [undefined, '', 'x', 'a.b.c', 'null', '{}', `key:${'0'.repeat(64)}`, '\u0000']
const GUARDED = ['private-carillon-test', 'presence-carillon-test', 'private-encrypted-carillon']

async function strangersSubscribe(kit: Kit, { open = false }: Promises): Promise<string[]> {
  const broken: string[] = []
  for (const channel of GUARDED) {
    for (const auth of CREDENTIALS) {
      await using client = await kit.raw({ hello: false })
      const welcome = await answered(client)
      if (!welcome.includes('connection_established')) continue
      client.subscribe(channel, auth, '{"user_id":"1"}')
      const answer = await answered(client)
      if (!open && answer.includes('subscription_succeeded'))
        broken.push(`${STRANGER} entered ${channel} with auth ${JSON.stringify(auth)}`)
    }
  }
  return broken
}

async function strangersTrigger(kit: Kit): Promise<string[]> {
  const body = '{"name":"e","channel":"room","data":"","event":"e"}'
  const events = `/apps/${kit.app.id}/events`
  // On this machine the published app's pushes need no credentials.
  const attempts = [
    [events, ''],
    ...[events, '/api/push'].flatMap((path) => WRONG.map((w) => [path, w])),
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

const WRONG = ['Bearer x', 'Basic eDp4']

/** Signed in everywhere, saying good and bad things, and closing in the middle of a command. */
async function guestsComeAndGo(kit: Kit, { arrive = {} }: Promises): Promise<string[]> {
  for (const stay of [true, false]) {
    await using client = await kit.raw({ ...arrive, hello: false })
    const welcome = await answered(client)
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
    await pushed(kit)
    await kit.signed('GET', '/channels')
    await kit.admin('/api/admin/apps')
    if (stay) await client.heard()
  }
  return []
}

async function pushed(kit: Kit): Promise<void> {
  const headers = { authorization: `Basic ${btoa(`${kit.app.key}:${kit.app.secret}`)}` }
  const body = '{"channel":["room","private-room"],"data":[1],"event":"e"}'
  await kit.http('/api/push', { method: 'POST', headers, body })
}

/** The next frame, or why there is none. */
async function answered(client: { next(): Promise<string>; closed: Promise<object> }) {
  return Promise.race([client.next(), client.closed.then((closing) => JSON.stringify(closing))])
}

/** The plugin with a store that works until it has started and never again. */
function withoutStore(plugin: AnyPlugin): AnyPlugin {
  return {
    ...plugin,
    setup: (context) => {
      let broken = false
      const store = new Proxy(context.store, {
        get: (target, name) => {
          if (broken) throw new Error('the store is out of order')
          return Reflect.get(target, name)
        },
      })
      const hooks = plugin.setup({ ...context, store })
      const start = async (): Promise<void> => {
        await hooks.start?.()
        broken = true
      }
      return { ...hooks, start }
    },
  }
}
