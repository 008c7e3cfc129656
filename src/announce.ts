/**
 * What a person sees at the start, once: addresses, credentials, a snippet to paste. Written to the
 * terminal and never through the logger. Secrets that came from the settings or the store stay there.
 */
import type { Config } from './config'
import { openFilesLimit } from './open-files'
import type { CarillonServer } from './server'

const FEW_FILES = 10_000

export function announce(server: CarillonServer, config: Config): void {
  process.stdout.write(`${announcement(server, config, openFilesLimit())}\n`)
}

/** The text; `files` is how many the system allows, undefined where it does not say. */
export function announcement(
  { credentials, plugins, port }: Pick<CarillonServer, 'credentials' | 'plugins' | 'port'>,
  { host, pathPrefix }: Pick<Config, 'host' | 'pathPrefix'>,
  files: number | undefined,
): string {
  const { app, admin } = credentials
  const name = addressable(host)
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
    section(`App (${ORIGINS[app.origin]})`, [
      ['id', app.id],
      ['key', app.key],
      ['secret', visible(app.origin, app.secret, '(not shown)')],
      ['PUSHER_URL', `http://${app.key}:${secret}@${name}:${port}${pathPrefix}/apps/${app.id}`],
    ]),
    section(`Admin (${ORIGINS[admin.origin]})`, [
      ['user', admin.username],
      ['password', visible(admin.origin, admin.password, '(not shown)')],
    ]),
    `Connect with pusher-js\n\n${snippet(app.key, name, port, pathPrefix)}`,
  ]
  if (files !== undefined && files < FEW_FILES)
    sections.push(
      `Only ${files} open files are allowed: raise the limit (ulimit -n) for more connections.`,
    )
  return `\n${sections.join('\n\n')}\n`
}

const ORIGINS: Readonly<Record<CarillonServer['credentials']['app']['origin'], string>> = {
  development: 'published development credentials; good for requests of this machine only',
  settings: 'from the settings',
  generated: 'generated now and stored; the secret is shown this once',
  stored: 'stored at the first start',
}

const visible = (origin: string, secret: string, otherwise: string): string =>
  origin === 'development' || origin === 'generated' ? secret : otherwise

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
