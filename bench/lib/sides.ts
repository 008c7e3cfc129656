/**
 * SIDES: who is asked. Carillon in several dresses, the yardsticks beside it, and whatever other
 * server the command line names: the load speaks the Pusher protocol and nothing else.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type App = { readonly id: string; readonly key: string; readonly secret: string }

/** A server that runs: what a load must know of it. */
export type Peer = {
  readonly host: string
  readonly port: number
  /** Undefined when it is not ours: then there is no figure per CPU second. */
  readonly pid: number | undefined
  readonly app: App
  /** Where it writes what its meter shows when it is asked; undefined when it can't be asked. */
  readonly meterFile: string | undefined
}

/** How a server is started. */
export type Launch = {
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A configuration file, handed to the command as its last word, `--config=FILE`. */
  readonly config?: unknown
}

export type SideRow = {
  readonly about: string
  readonly app: App
  /** Why it can't be asked here; undefined when it can. */
  readonly absent: () => string | undefined
  /** Undefined for a server that runs already. */
  readonly launch: ((port: number) => Launch) | undefined
  readonly running?: Peer
}

export const HOST = '127.0.0.1'
export const ROOT = join(import.meta.dir, '../..')

/** The app of our own servers. Published credentials would be measured with what is asked of them, 3 µs a request. */
export const OWN_APP: App = { id: 'bench', key: 'bench-key', secret: 'bench-secret' }

/** The published development credentials, which a server on loopback accepts. */
const DEVELOPMENT_APP: App = { id: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret' }

const never = (): undefined => undefined

const script = (path: string): readonly string[] => [
  process.execPath,
  '--no-env-file',
  join(ROOT, path),
]

/** As it comes, but for the limits that would refuse a load: soketi's are off as well. */
const UNLIMITED = {
  CARILLON_MAX_PRESENCE_MEMBERS: '100000',
  CARILLON_MAX_CLIENT_EVENTS_PER_SECOND: '1000000',
  CARILLON_MAX_CLIENT_EVENT_BYTES_PER_SECOND: '1000000000',
  CARILLON_MAX_NEW_CHANNELS_PER_SECOND: '1000000',
}

/** The defaults again. */
const LIMITED = Object.fromEntries(Object.keys(UNLIMITED).map((name) => [name, '']))

function carillon(about: string, config: string, env: Record<string, string> = {}): SideRow {
  return {
    about,
    app: OWN_APP,
    absent: never,
    launch: (port) => ({
      command: script('src/index.ts'),
      env: {
        PORT: String(port),
        HOST,
        DATABASE_PATH: ':memory:',
        CARILLON_LOG_LEVEL: 'error',
        CARILLON_CONFIG: config,
        PUSHER_APP_ID: OWN_APP.id,
        PUSHER_APP_KEY: OWN_APP.key,
        PUSHER_APP_SECRET: OWN_APP.secret,
        ...UNLIMITED,
        ...env,
      },
    }),
  }
}

const SHIPPED = 'carillon.config.ts'

/** Whoever hears of webhooks of a throughput run: nobody, so that all is kept, tried and put off. */
const DEAF_ENDPOINT = JSON.stringify([{ url: `http://${HOST}:9/` }])

const SOKETI_FOLDER = join(ROOT, '.peers/soketi')
const SOKETI_SCRIPT = join(SOKETI_FOLDER, 'node_modules/@soketi/soketi/bin/server.js')
const SOKETI_APP: App = { id: 'app-id', key: 'app-key', secret: 'app-secret' }

const BUILT_IN = {
  carillon: carillon('as `bun run server` starts it, with its plugins', SHIPPED),
  none: carillon('Carillon without plugins', 'bench/servers/no-plugins.ts'),
  plain: carillon(
    'without plugins, with the limits that it comes with',
    'bench/servers/no-plugins.ts',
    LIMITED,
  ),
  guarded: carillon('with Guardian and a public key', 'bench/servers/guarded.ts', LIMITED),
  empty: carillon('with ten plugins that do nothing', 'bench/servers/empty-plugins.ts'),
  webhooks: carillon('with an endpoint for every webhook', SHIPPED, {
    CARILLON_WEBHOOKS: DEAF_ENDPOINT,
  }),
  bare: {
    about: 'a hand-written Bun.serve that checks signatures and publishes',
    app: DEVELOPMENT_APP,
    absent: never,
    launch: (port) => ({ command: script('bench/servers/bare.ts'), env: { PORT: String(port) } }),
  },
  soketi: {
    about: 'soketi 1.6.1 on Node, limits and metrics off',
    app: SOKETI_APP,
    absent: () => {
      if (!Bun.which('node')) return 'soketi needs node, which is not installed'
      return existsSync(SOKETI_SCRIPT)
        ? undefined
        : 'soketi is not installed (bench/README.md says how)'
    },
    launch: (port) => ({
      command: ['node', SOKETI_SCRIPT, 'start'],
      config: soketiConfig(port),
    }),
  },
} as const satisfies Record<string, SideRow>

/** `none` where it is not installed. */
export function soketiVersion(): string {
  const file = join(SOKETI_SCRIPT, '../../package.json')
  if (!existsSync(file)) return 'none'
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** A built-in side, or the name of a `--peer`. */
export type Side = string

const sides = new Map<Side, SideRow>(Object.entries(BUILT_IN))

/** @throws Error when nobody is called so */
export function sideNamed(side: Side): SideRow {
  const row = sides.get(side)
  if (!row) throw new Error(`there is no side ${side}`)
  return row
}

/** Adds a server that runs already; `why` it can't be asked, where it can't. */
export function addSide(side: Side, peer: Peer, why?: string): void {
  const about = `at ${peer.host}:${peer.port}, not restarted between rounds`
  const { app } = peer
  sides.set(side, { about, app, absent: () => why, launch: undefined, running: peer })
}

const ADDRESS = 'http://127.0.0.1:PORT?id=..&key=..&secret=..&pid=..'

/** `name=` and an address, as `peerAt` reads it. @throws Error */
export function readPeer(text: string): readonly [Side, Peer] {
  const [, name, url] = /^([\w-]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || url === undefined || sides.has(name))
    throw new Error(`--peer expects a new name: NAME=${ADDRESS}`)
  return [name, peerAt(url)]
}

/**
 * The development credentials where none are given; without the pid there is nothing per CPU second.
 * @throws Error
 */
export function peerAt(url: string): Peer {
  const { protocol, hostname, port, searchParams: query } = URL.parse(url) ?? new URL('about:')
  const host = hostname === 'localhost' ? HOST : hostname
  const pid = query.get('pid') ?? undefined
  if (protocol !== 'http:' || !/^[\d.]+$/.test(host) || !/^\d+$/.test(pid ?? '0'))
    throw new Error(`${url} is not an address such as ${ADDRESS}`)
  const app = {
    id: query.get('id') ?? DEVELOPMENT_APP.id,
    key: query.get('key') ?? DEVELOPMENT_APP.key,
    secret: query.get('secret') ?? DEVELOPMENT_APP.secret,
  }
  return {
    host,
    port: Number(port || 80),
    pid: pid === undefined ? undefined : Number(pid),
    app,
    meterFile: undefined,
  }
}

function soketiConfig(port: number): unknown {
  return {
    debug: false,
    host: HOST,
    port,
    'metrics.enabled': false,
    'eventLimits.maxPayloadInKb': 200,
    'presence.maxMembersPerChannel': 100_000,
    'appManager.array.apps': [
      {
        ...SOKETI_APP,
        enabled: true,
        enableClientMessages: true,
        enableUserAuthentication: false, // it would close who has not signed in after half a minute
        maxConnections: -1,
        maxBackendEventsPerSecond: -1,
        maxClientEventsPerSecond: -1,
        maxReadRequestsPerSecond: -1,
        webhooks: [],
      },
    ],
  }
}
