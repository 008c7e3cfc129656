/** SERVERS: what `publish.ts` drives: each started anew on this machine, with an app that has everything switched on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Credentials } from './target'

const ROOT = join(import.meta.dir, '..')
const CREDENTIALS: Credentials = { appId: '10', key: 'key-10', secret: 'secret-10' }
const PATIENCE_MS = 30_000

export type Started = Credentials & {
  readonly url: string
  /** Where its app sends webhooks. */
  readonly webhooks: number
  stop(): Promise<void>
}

type Ports = { readonly port: number; readonly webhooks: number }
type Program = {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** What of a server is needed to drive it. */
export type Server = {
  readonly name: string
  /** Groups besides those that are played by themselves. */
  readonly besides: readonly string[]
  readonly readVersion: () => Promise<string>
  /** Writes its configuration into a folder. */
  readonly prepare: (folder: string, ports: Ports) => Program
}

const ALL = ['counts', 'webhooks', 'fallback', 'crowd']

const readPackage = async (file: string): Promise<string> =>
  ((await Bun.file(file).json()) as { version: string }).version

const OURS: Server = {
  name: 'Carillon',
  besides: [...ALL, 'malformed'],
  readVersion: () => readPackage(join(ROOT, 'package.json')),
  prepare(folder, { port, webhooks }) {
    const { appId: id, key, secret } = CREDENTIALS
    const hooks = [{ url: `http://127.0.0.1:${webhooks}/` }]
    const app = { id, key, secret, name: 'conformance', subscription_counts: true, webhooks: hooks }
    const config = join(folder, 'carillon.config.ts')
    writeFileSync(config, `export default ${JSON.stringify({ apps: [app] })}\n`)
    return {
      command: [process.execPath, join(ROOT, 'src/index.ts')],
      env: { PORT: String(port), DATABASE_PATH: ':memory:', CARILLON_CONFIG: config },
    }
  },
}

const SOKETI_EVENTS =
  'channel_occupied channel_vacated member_added member_removed client_event cache_miss'.split(' ')

/** Its limits are those of Pusher's documentation, where it has a setting for them. */
const makeSoketi = (installed: string): Server => ({
  name: 'soketi',
  besides: ALL,
  readVersion: () => readPackage(join(installed, 'node_modules/@soketi/soketi/package.json')),
  prepare(folder, { port, webhooks }) {
    const { appId: id, key, secret } = CREDENTIALS
    const hooks = [{ url: `http://127.0.0.1:${webhooks}/`, event_types: SOKETI_EVENTS }]
    const app = {
      id,
      key,
      secret,
      enabled: true,
      enableClientMessages: true,
      enableUserAuthentication: true,
      maxConnections: -1,
      maxBackendEventsPerSecond: -1,
      maxReadRequestsPerSecond: -1,
      maxClientEventsPerSecond: 10,
      webhooks: hooks,
    }
    const settings = {
      debug: false,
      host: '127.0.0.1',
      port,
      'metrics.enabled': false,
      'eventLimits.maxPayloadInKb': 10,
      'appManager.array.apps': [app],
    }
    const config = join(folder, 'soketi.json')
    writeFileSync(config, JSON.stringify(settings))
    const program = join(installed, 'node_modules/@soketi/soketi/bin/server.js')
    return { command: ['node', program, 'start', `--config=${config}`], env: {} }
  },
})

/** All that are known; soketi by the folder in which npm has installed it. */
export const listServers = (soketi: string): readonly Server[] => [OURS, makeSoketi(soketi)]

/** Starts a server on free ports of 127.0.0.1. @throws Error where it does not answer in time */
export async function startServer(server: Server): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  const ports = { port: findPort(), webhooks: findPort() }
  const { command, env } = server.prepare(folder, ports)
  const child = Bun.spawn([...command], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await child.exited
    rmSync(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${ports.port}`
  try {
    await waitUntilAnswered(url, child.exited)
  } catch (error) {
    await stop()
    throw error
  }
  return { ...CREDENTIALS, url, webhooks: ports.webhooks, stop }
}

function findPort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  server.stop(true)
  return server.port
}

async function waitUntilAnswered(url: string, exited: Promise<number>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  let code: number | undefined
  void exited.then((given) => (code = given))
  while (code === undefined && performance.now() < end) {
    const answer = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
    if (answer !== undefined) return
    await Bun.sleep(50)
  }
  throw new Error(code === undefined ? `no answer from ${url}` : `the server ended with ${code}`)
}
