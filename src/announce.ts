/**
 * What a start prints once, for a person: addresses, credentials, a snippet to paste. It goes to the
 * terminal, never through the logger. Without a terminal generated secrets are in a file; secrets from
 * the settings or the store are never printed.
 */
import { formatAddress, publicAddress } from './config/admin-settings'
import { SETTINGS, type Config } from './config/config'
import { nodeNameOf } from './config/cluster-settings'
import { usableCores } from './config/cores'
import type { ListenAddress } from './core/addresses'
import type { Origin } from './config/credentials'
import { credentialsFile } from './config/first-start'
import { readRedisUrl } from './config/redis-url'
import { openFilesLimit } from './open-files'
import type { CarillonServer } from './server'

const FEW_FILES = 10_000

export function announce(server: CarillonServer, config: Config): void {
  process.stdout.write(`${describeStart(server, config)}\n`)
}

/** The announcement of a server in this process. */
export const describeStart = (server: CarillonServer, config: Config): string =>
  announcement(server, config, {
    files: openFilesLimit(),
    isTerminal: Boolean(process.stdout.isTTY),
    cores: usableCores(),
  })

type Surroundings = {
  /** How many open files the system allows; undefined where it gives no number. */
  readonly files: number | undefined
  /** A person reads what is printed, and no log collector does. */
  readonly isTerminal: boolean
  /** That this process may use, where it counts. */
  readonly cores?: number
}

type Announced = Pick<
  CarillonServer,
  'credentials' | 'plugins' | 'port' | 'adminAddress' | 'metricsPort'
>

export function announcement(
  { credentials, plugins, port, adminAddress, metricsPort }: Announced,
  config: Config,
  { files, isTerminal, cores = 1 }: Surroundings,
): string {
  const { host, databasePath, swagger, console, metricsHost, workers } = config
  const { app, admin } = credentials
  const clients = reachedAt(config, port)
  const { pathPrefix } = clients
  const shown: readonly string[] = isTerminal ? ['development', 'generated'] : ['development']
  const show = (origin: string, secret: string, otherwise: string): string =>
    shown.includes(origin) ? secret : otherwise
  const describe = (origin: Origin): string =>
    isTerminal && origin === 'generated' ? `${ORIGINS[origin]}, shown this once` : ORIGINS[origin]
  const secret = show(app.origin, app.secret, 'YOUR_SECRET')
  const base = 'path' in publicAddress(config) ? undefined : ownBase(config, port)
  const authority = clients.isUsualPort ? clients.host : `${clients.host}:${clients.port}`
  const ending = clients.isTls ? 's' : ''
  const sections = [
    section('Carillon is listening', [
      ...(base === undefined ? [['for a proxy', host] as const] : []),
      ['sockets', `ws${ending}://${authority}${pathPrefix}/app/${app.key}`],
      ['HTTP API', `http${ending}://${authority}${pathPrefix}/apps/${app.id}/events`],
      ...adminRows(adminAddress, base ?? `http${ending}://${authority}`, { swagger, console }),
      ...metricsRows(metricsHost, metricsPort),
      ...(base === undefined ? [] : [['health', `${base}/up  ${base}/ready`] as const]),
      ...(workers > 1 ? [['workers', `${workers}, each a process`] as const] : []),
      ...nodeRows(config),
      ['plugins', plugins.map(({ name: plugin }) => plugin).join(', ') || 'none'],
    ]),
    section(`App (${describe(app.origin)})`, [
      ['id', app.id],
      ['key', app.key],
      ['secret', show(app.origin, app.secret, '(not shown)')],
      [
        'PUSHER_URL',
        `http${ending}://${app.key}:${secret}@${authority}${pathPrefix}/apps/${app.id}`,
      ],
    ]),
    section(`Admin (${describe(admin.origin)})`, [
      ['user', admin.username],
      ['password', show(admin.origin, admin.password, '(not shown)')],
    ]),
    `Connect with pusher-js\n\n${snippet(app.key, clients)}`,
  ]
  if (!isTerminal && [app.origin, admin.origin].includes('generated'))
    sections.push(describeSecretsFile(databasePath))
  if (files !== undefined && files < FEW_FILES)
    sections.push(
      `Only ${files} open files are allowed: raise the limit (ulimit -n) for more connections.`,
    )
  if (workers === 1 && cores > 1)
    sections.push(
      `One of ${cores} cores is used: ${SETTINGS.workers.env}=auto uses all of them, with a Redis (docs/scaling.md).`,
    )
  return `\n${sections.join('\n\n')}\n`
}

/** Which of several servers it is, and with whom it is one: without the user and the password of Redis. */
function nodeRows(config: Config): (readonly [string, string])[] {
  const target = config.redisUrl === undefined ? undefined : readRedisUrl(config.redisUrl)
  if (!target) return []
  const at = target.addresses.map(({ host, port }) => `${host}:${port}`).join(', ')
  return [
    [
      'node',
      `${nodeNameOf(config)}, one with all of the cluster ${config.cluster} on Redis at ${at}`,
    ],
  ]
}

const ORIGINS: Readonly<Record<Origin, string>> = {
  development: 'published development credentials; good for requests of this machine only',
  settings: 'from the settings',
  generated: 'generated now',
  stored: 'stored at the first start',
}

/** Where the generated secrets are, which a log collector must not see. */
function describeSecretsFile(databasePath: string): string {
  const file = credentialsFile(databasePath)
  return file === undefined
    ? `The generated credentials are shown on a terminal only, and end with this process since the database is in memory: set ${NEEDED}.`
    : `The generated credentials are not shown without a terminal. Read them in ${file} (for its owner only), note them down, and delete the file.`
}

const { appId, appKey, appSecret, adminUsername, adminPassword } = SETTINGS
const NEEDED = [appId, appKey, appSecret, adminUsername, adminPassword]
  .map(({ env }) => env)
  .join(', ')

/** The host in a URL; `localhost` for a server that listens on all addresses. */
function openableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** Where the metrics are, if they have a port of their own. */
const metricsRows = (host: string, port: number | undefined): (readonly [string, string])[] =>
  port === undefined ? [] : [['metrics', `http://${openableHost(host)}:${port}/metrics`]]

/** Where the admin's side is, unless it is where all is; the reference, where a browser gets to it. */
function adminRows(
  address: ListenAddress | undefined,
  base: string,
  { swagger, console }: Pick<Config, 'swagger' | 'console'>,
): (readonly [string, string])[] {
  if (address && 'path' in address) return [['admin API', formatAddress(address)]]
  const own = address && `http://${openableHost(address.host)}:${address.port}`
  return [
    ...(own ? [['admin API', `${own}/api/admin`] as const] : []),
    ...(console === 'on' ? [['console', `${own ?? base}/console`] as const] : []),
    ...(swagger === 'on' ? [['reference', `${own ?? base}/swagger`] as const] : []),
  ]
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  return [title, '', ...rows.map(([label, value]) => `  ${label.padEnd(11)} ${value}`)].join('\n')
}

/** Where clients connect. */
type Reached = {
  readonly host: string
  readonly port: number
  readonly pathPrefix: string
  readonly isTls: boolean
  readonly isUsualPort: boolean
}

/** Where a browser on this machine reaches the server, whatever is in front of it. */
export const ownBase = ({ host, tlsCertFile }: Config, port: number): string =>
  `http${tlsCertFile === undefined ? '' : 's'}://${openableHost(host)}:${port}`

function reachedAt(config: Config, port: number): Reached {
  const { pathPrefix, publicUrl } = config
  const isFile = 'path' in publicAddress(config)
  const own = isFile ? 'https://YOUR-PROXY' : ownBase(config, port)
  const url = new URL(publicUrl ?? `${own}${pathPrefix}`)
  const isTls = url.protocol === 'https:'
  return {
    host: isFile && publicUrl === undefined ? 'YOUR-PROXY' : url.hostname,
    port: Number(url.port) || (isTls ? 443 : 80),
    pathPrefix: url.pathname.replace(/\/$/, ''),
    isTls,
    isUsualPort: url.port === '',
  }
}

/** JavaScript of a page that connects. */
function snippet(key: string, { host, port, pathPrefix, isTls }: Reached): string {
  const path =
    pathPrefix === '' ? '' : `\n    wsPath: '${pathPrefix}',\n    httpPath: '${pathPrefix}',`
  const ports = isTls ? ['wssPort', 'httpsPort'] : ['wsPort', 'httpPort']
  return `  const pusher = new Pusher('${key}', {
    cluster: 'carillon',
    wsHost: '${host}',
    ${ports[0]}: ${port},
    httpHost: '${host}',
    ${ports[1]}: ${port},${path}
    forceTLS: ${isTls},
  })
  pusher.subscribe('my-channel').bind('my-event', (data) => console.log(data))`
}
