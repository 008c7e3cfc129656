/**
 * What a person sees at the start, once: addresses, credentials, a snippet to paste. Written to the
 * terminal and never through the logger; without a terminal, generated secrets are in a file. Those that came from the settings or the store stay there.
 */
import { SETTINGS, type Config } from './config/config'
import type { Origin } from './config/credentials'
import { credentialsFile } from './config/first-start'
import { openFilesLimit } from './open-files'
import type { CarillonServer } from './server'

const FEW_FILES = 10_000

export function announce(server: CarillonServer, config: Config): void {
  const surroundings = { files: openFilesLimit(), isTerminal: Boolean(process.stdout.isTTY) }
  process.stdout.write(`${announcement(server, config, surroundings)}\n`)
}

type Surroundings = {
  /** How many the system allows; undefined where it does not say. */
  readonly files: number | undefined
  /** Somebody reads what is printed, and nobody collects it. */
  readonly isTerminal: boolean
}

export function announcement(
  { credentials, plugins, port }: Pick<CarillonServer, 'credentials' | 'plugins' | 'port'>,
  { host, pathPrefix, databasePath }: Pick<Config, 'host' | 'pathPrefix' | 'databasePath'>,
  { files, isTerminal }: Surroundings,
): string {
  const { app, admin } = credentials
  const name = addressable(host)
  const shown: readonly string[] = isTerminal ? ['development', 'generated'] : ['development']
  const visible = (origin: string, text: string, otherwise: string): string =>
    shown.includes(origin) ? text : otherwise
  const from = (origin: Origin): string =>
    isTerminal && origin === 'generated' ? `${ORIGINS[origin]}, shown this once` : ORIGINS[origin]
  const secret = visible(app.origin, app.secret, 'YOUR_SECRET')
  const base = `http://${name}:${port}`
  const sections = [
    section('Carillon is listening', [
      ['sockets', `ws://${name}:${port}${pathPrefix}/app/${app.key}`],
      ['HTTP API', `${base}${pathPrefix}/apps/${app.id}/events`],
      ['reference', `${base}/swagger`],
      ['health', `${base}/up  ${base}/ready`],
      ['plugins', plugins.map(({ name: plugin }) => plugin).join(', ') || 'none'],
    ]),
    section(`App (${from(app.origin)})`, [
      ['id', app.id],
      ['key', app.key],
      ['secret', visible(app.origin, app.secret, '(not shown)')],
      ['PUSHER_URL', `http://${app.key}:${secret}@${name}:${port}${pathPrefix}/apps/${app.id}`],
    ]),
    section(`Admin (${from(admin.origin)})`, [
      ['user', admin.username],
      ['password', visible(admin.origin, admin.password, '(not shown)')],
    ]),
    `Connect with pusher-js\n\n${snippet(app.key, name, port, pathPrefix)}`,
  ]
  if (!isTerminal && [app.origin, admin.origin].includes('generated'))
    sections.push(whereabouts(databasePath))
  if (files !== undefined && files < FEW_FILES)
    sections.push(
      `Only ${files} open files are allowed: raise the limit (ulimit -n) for more connections.`,
    )
  return `\n${sections.join('\n\n')}\n`
}

const ORIGINS: Readonly<Record<Origin, string>> = {
  development: 'published development credentials; good for requests of this machine only',
  settings: 'from the settings',
  generated: 'generated now',
  stored: 'stored at the first start',
}

/** Where to look for what a log collector must not see. */
function whereabouts(databasePath: string): string {
  const file = credentialsFile(databasePath)
  return file === undefined
    ? `What was generated ends with this process, since the database is in memory, and is shown on a terminal only: set ${NEEDED}.`
    : `What was generated is not shown without a terminal. Read it in ${file} (for its owner only), note it down, and delete the file.`
}

const { appId, appKey, appSecret, adminUsername, adminPassword } = SETTINGS
const NEEDED = [appId, appKey, appSecret, adminUsername, adminPassword]
  .map(({ env }) => env)
  .join(', ')

/** An address that can be opened, for a server that listens on all of them. */
function addressable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  return [title, '', ...rows.map(([label, value]) => `  ${label.padEnd(11)} ${value}`)].join('\n')
}

function snippet(key: string, host: string, port: number, pathPrefix: string): string {
  const path =
    pathPrefix === '' ? '' : `\n    wsPath: '${pathPrefix}',\n    httpPath: '${pathPrefix}',`
  return `  const pusher = new Pusher('${key}', {
    cluster: 'carillon',
    wsHost: '${host}',
    wsPort: ${port},
    httpHost: '${host}',
    httpPort: ${port},${path}
    forceTLS: false,
  })
  pusher.subscribe('my-channel').bind('my-event', (data) => console.log(data))`
}
