/**
 * SIDES: the servers that are measured. Carillon in several configurations, the yardsticks beside it, and whatever other
 * server the command line names.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { INSTALLED, INSTALLED_APP, type Installed } from './installed'
import { PROTOCOLS, type ProtocolName } from './protocols'

export type App = { readonly id: string; readonly key: string; readonly secret: string }

/** A server that runs: what a load must know of it. */
export type Peer = {
  readonly host: string
  readonly port: number
  /** Undefined when it is not ours: then there is no figure per CPU second. */
  readonly pid: number | undefined
  readonly app: App
  readonly protocol: ProtocolName
  /** True where its port speaks TLS alone. */
  readonly isTls?: true
  /** The file to which its meter writes on a signal; undefined without a meter. */
  readonly meterFile: string | undefined
  /** Other servers that are one with it; absent where it is alone. */
  readonly others?: readonly Peer[]
}

/** All servers that are one. */
export const nodesOf = (peer: Peer): readonly Peer[] => [peer, ...(peer.others ?? [])]

/** How a server is started. */
export type Launch = {
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A configuration file, handed to the command as its last word, `--config=FILE`. */
  readonly config?: unknown
}

export type LaunchWishes = {
  /** Where the app's webhooks go. */
  readonly webhookUrl?: string | undefined
  readonly redisPort?: number | undefined
}

export type SideRow = {
  readonly about: string
  readonly app: App
  readonly protocol: ProtocolName
  readonly isCompiled?: true
  readonly isTls?: true
  /** How many servers it is, over a Redis of their own; one without Redis if absent. */
  readonly nodes?: number
  /** How many processes each of them is, on one port; one if absent. */
  readonly workers?: number
  /** Questions that do not suit the side, with the reason. */
  readonly unsuited: Readonly<Record<string, string>>
  /** Finds the reason for which it can't be measured here; undefined where it can. */
  readonly findReasonAbsent: () => string | undefined
  /** Undefined for a server that runs already. */
  readonly launch: ((port: number, wanted?: LaunchWishes) => Launch) | undefined
  readonly running?: Peer
}

export const HOST = '127.0.0.1'
export const ROOT = join(import.meta.dir, '../..')

/** The app of our own servers. With published credentials the checks of local requests would be measured, too: 3 µs a request. */
export const OWN_APP: App = { id: 'bench', key: 'bench-key', secret: 'bench-secret' }

/** The published development credentials, which a server on loopback accepts. */
const DEVELOPMENT_APP: App = { id: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret' }

/** Fields that all servers of this project share. */
const OURS = { protocol: 'pusher', unsuited: {}, findReasonAbsent: () => undefined } as const

const script = (path: string): readonly string[] => [
  process.execPath,
  '--no-env-file',
  join(ROOT, path),
]

/** Settings that lift the limits which would refuse a load: soketi's are off as well. */
const UNLIMITED = {
  CARILLON_MAX_PRESENCE_MEMBERS: '100000',
  CARILLON_MAX_CLIENT_EVENTS_PER_SECOND: '1000000',
  CARILLON_MAX_CLIENT_EVENT_BYTES_PER_SECOND: '1000000000',
  CARILLON_MAX_NEW_CHANNELS_PER_SECOND: '1000000',
}

/** The defaults again. */
const LIMITED = Object.fromEntries(Object.keys(UNLIMITED).map((name) => [name, '']))

function describeCarillon(
  about: string,
  config: string,
  env: Record<string, string> = {},
): SideRow {
  return {
    ...OURS,
    about,
    app: OWN_APP,
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

/** As `carillon`, several that are one. */
function describeNodes(about: string, nodes: number): SideRow {
  const row = describeCarillon(about, SHIPPED)
  return {
    ...row,
    nodes,
    findReasonAbsent: findReasonWithoutRedis,
    launch: (port, wanted) => {
      const launch = row.launch!(port)
      const url = `redis://${HOST}:${wanted?.redisPort}`
      return { ...launch, env: { ...launch.env, CARILLON_REDIS_URL: url } }
    },
  }
}

/** One start that makes several processes. */
function describeWorkers(about: string, workers: number): SideRow {
  const row = describeNodes(about, 1)
  const env = { CARILLON_WORKERS: String(workers) }
  return {
    ...row,
    workers,
    launch: (port, wanted) => {
      const launch = row.launch!(port, wanted)
      return { ...launch, env: { ...launch.env, ...env } }
    },
  }
}

const findReasonWithoutRedis = (): string | undefined =>
  Bun.which('redis-server') ? undefined : 'redis-server is not installed'

const EXECUTABLE = join(ROOT, 'dist/carillon')

/** `plain`, in the executable. */
function describeExecutable(): SideRow {
  const { about, config } = PLAIN
  const plain = describeCarillon(`${about}, as the executable`, config, LIMITED)
  return {
    ...plain,
    findReasonAbsent: () =>
      existsSync(EXECUTABLE) ? undefined : '`bun run build` has not made it',
    launch: (port) => ({ ...plain.launch!(port), command: [EXECUTABLE] }),
  }
}

const PLAIN = {
  about: 'without plugins, with the limits that it comes with',
  config: 'bench/servers/no-plugins.ts',
}

const SHIPPED = 'carillon.config.ts'

const KEEPING = 'bench/servers/history.ts'

/** Its configuration has the app. */
const OWN_APP_ONLY = { PUSHER_APP_ID: '', PUSHER_APP_KEY: '', PUSHER_APP_SECRET: '' }

/** The endpoint of a throughput run, at which nobody listens: all is kept, tried and put off. */
const DEAF_ENDPOINT = JSON.stringify([{ url: `http://${HOST}:9/` }])

const BUILT_IN = {
  carillon: describeCarillon('as `bun run server` starts it, with its plugins', SHIPPED),
  watched: describeCarillon('the same, while somebody watches the app live', SHIPPED),
  none: describeCarillon('Carillon without plugins', 'bench/servers/no-plugins.ts'),
  plain: describeCarillon(PLAIN.about, PLAIN.config, LIMITED),
  executable: describeExecutable(),
  guarded: describeCarillon('with Guardian and a public key', 'bench/servers/guarded.ts', LIMITED),
  empty: describeCarillon('with ten plugins that do nothing', 'bench/servers/empty-plugins.ts'),
  history: describeCarillon('with channels that keep their events', KEEPING, OWN_APP_ONLY),
  durable: describeCarillon('with channels that keep them in the database', KEEPING, {
    ...OWN_APP_ONLY,
    BENCH_HISTORY: 'durable',
  }),
  webhooks: describeCarillon('with an endpoint for every webhook', SHIPPED, {
    CARILLON_WEBHOOKS: DEAF_ENDPOINT,
  }),
  tls: {
    ...describeCarillon('with a certificate of its own (P-256)', SHIPPED, {
      CARILLON_TLS_CERT_FILE: join(ROOT, 'test/tls/first.crt'),
      CARILLON_TLS_KEY_FILE: join(ROOT, 'test/tls/first.key'),
    }),
    isTls: true,
  },
  bare: {
    ...OURS,
    about: 'a hand-written Bun.serve that checks signatures and publishes',
    app: DEVELOPMENT_APP,
    unsuited: {
      presence: 'it has no presence channels',
      clientevent: 'it takes no client events',
    },
    launch: (port) => ({ command: script('bench/servers/bare.ts'), env: { PORT: String(port) } }),
  },
  'over-redis': describeNodes('one node over Redis', 1),
  nodes: describeNodes('two nodes over one Redis', 2),
  workers: describeWorkers('two workers on one port, over one Redis', 2),
  'stand-in': {
    ...OURS,
    about: 'a small server of the Pusher protocol, with a file of soketi’s',
    app: INSTALLED_APP,
    launch: (port, wanted) => ({
      command: script('bench/servers/stand-in.ts'),
      config: INSTALLED.soketi.config({ host: HOST, port, ...wanted }),
    }),
  },
} as const satisfies Record<string, SideRow>

/** Reads the version that each reports; `none` where it is not installed. */
export const readInstalledVersions = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(INSTALLED).map(([name, { program, version }]) => {
      const path = join(folderOf(name), program)
      if (!existsSync(path)) return [name, 'none']
      const command = version.of(path)
      const output =
        Bun.which(command[0]!) && Bun.spawnSync([...command], { stderr: 'ignore' }).stdout
      return [name, version.at.exec(String(output))?.[1] ?? 'unknown']
    }),
  )

const folderOf = (name: string): string => join(ROOT, '.peers', name)

function describeInstalled(name: string, row: Installed): SideRow {
  const { about, program, runner, args = [], protocol, isCompiled, unsuited, config } = row
  const path = join(folderOf(name), program)
  return {
    about,
    app: INSTALLED_APP,
    protocol,
    ...(isCompiled && { isCompiled }),
    unsuited,
    findReasonAbsent: () => {
      if (runner && !Bun.which(runner)) return `${name} needs ${runner}, which is not installed`
      return existsSync(path) ? undefined : `${name} is not installed (bench/README.md says how)`
    },
    launch: (port, wanted) => ({
      command: [...(runner ? [runner] : []), path, ...args],
      config: config({ host: HOST, port, ...wanted }),
    }),
  }
}

/** Two of soketi, which ask each other by Redis. */
function describeSoketiNodes(): SideRow {
  const row = describeInstalled('soketi', INSTALLED.soketi)
  const findReasonAbsent = (): string | undefined =>
    row.findReasonAbsent() ?? findReasonWithoutRedis()
  return { ...row, about: 'two of soketi 1.6.1 over one Redis', nodes: 2, findReasonAbsent }
}

/** Who stands beside Carillon, in the order of the tables. */
export const OTHERS: readonly Side[] = ['bare', ...Object.keys(INSTALLED)]

/** A built-in side, or the name of a `--peer`. */
export type Side = string

const sides = new Map<Side, SideRow>([
  ...Object.entries(BUILT_IN),
  ...Object.entries(INSTALLED).map(([name, row]) => [name, describeInstalled(name, row)] as const),
  ['soketi-nodes', describeSoketiNodes()],
])

/** @throws Error when nobody is called so */
export function findSide(side: Side): SideRow {
  const row = sides.get(side)
  if (!row) throw new Error(`there is no side ${side}`)
  return row
}

/** Adds a server that runs already; with a `reason` where it can't be measured. */
export function addSide(side: Side, peer: Peer, reason?: string): void {
  const about = `at ${peer.host}:${peer.port}, not restarted between rounds`
  const { app, protocol } = peer
  const unsuited = protocol === 'centrifugo' ? INSTALLED.centrifugo.unsuited : {}
  const findReasonAbsent = (): string | undefined => reason
  sides.set(side, {
    about,
    app,
    protocol,
    unsuited,
    findReasonAbsent,
    launch: undefined,
    running: peer,
  })
}

const ADDRESS = 'http://127.0.0.1:PORT?id=..&key=..&secret=..&pid=..'

/** `name=` and an address, as `parsePeer` reads it. @throws Error */
export function parseNamedPeer(text: string): readonly [Side, Peer] {
  const [, name, url] = /^([\w-]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || url === undefined || sides.has(name))
    throw new Error(`--peer expects a new name: NAME=${ADDRESS}`)
  return [name, parsePeer(url)]
}

/**
 * The development credentials where none are given; without the pid there is nothing per CPU second.
 * @throws Error
 */
export function parsePeer(url: string): Peer {
  const { protocol, hostname, port, searchParams: query } = URL.parse(url) ?? new URL('about:')
  const host = hostname === 'localhost' ? HOST : hostname
  const pid = query.get('pid') ?? undefined
  const spoken = query.get('protocol') ?? 'pusher'
  if (!isProtocol(spoken)) throw new Error(`${url}: nobody here speaks ${spoken}`)
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
    protocol: spoken,
    meterFile: undefined,
  }
}

const isProtocol = (name: string): name is ProtocolName => Object.hasOwn(PROTOCOLS, name)
