/** Proxies of Debian that end TLS in front of a server, each with its file of `ops/`, on loopback ports of their own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../bench/lib/processes'
import { UNCHECKED } from '../../kit/client'
import { pathOf, type Program } from './programs'

const ROOT = join(import.meta.dir, '../..')
const CERT = join(ROOT, 'test/tls/first.crt')
const KEY = join(ROOT, 'test/tls/first.key')

/** Where a proxy listens, and the server behind it. */
type Ports = { readonly tls: number; readonly plain: number; readonly server: number }

type Proxy = {
  readonly program: Program
  readonly file: string
  /** What stands in the file for production, and what a test has in its place. */
  readonly changes: (
    ports: Ports,
    folder: string,
  ) => readonly (readonly [from: string, to: string])[]
  /** The whole configuration, where the file is a part of one. */
  readonly wrap?: (text: string, folder: string) => string
  readonly args: (file: string, folder: string) => readonly string[]
}

const PEM = 'pair.pem'

export const PROXIES: readonly Proxy[] = [
  {
    program: 'nginx',
    file: 'nginx.conf',
    changes: ({ tls, plain, server }) => [
      ['listen 80;', `listen 127.0.0.1:${plain};`],
      ['listen 443 ssl;', `listen 127.0.0.1:${tls} ssl;`],
      ['listen [::]:80;', ''],
      ['listen [::]:443 ssl;', ''],
      ['/etc/letsencrypt/live/push.example.org/fullchain.pem', CERT],
      ['/etc/letsencrypt/live/push.example.org/privkey.pem', KEY],
      ['server 127.0.0.1:6001;', `server 127.0.0.1:${server};`],
    ],
    wrap: (text, folder) => `daemon off; pid ${folder}/pid; worker_processes 1;
      events { worker_connections 512; }
      http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
        ${text} }`,
    args: (file, folder) => ['-p', folder, '-c', file, '-e', join(folder, 'error.log')],
  },
  {
    program: 'haproxy',
    file: 'haproxy.cfg',
    changes: ({ tls, plain, server }, folder) => [
      ['bind :80', `bind 127.0.0.1:${plain}`],
      ['bind :443', `bind 127.0.0.1:${tls}`],
      ['/etc/haproxy/push.example.org.pem', join(folder, PEM)],
      ['maxconn 100000', 'maxconn 512'],
      ['127.0.0.1:6001', `127.0.0.1:${server}`],
    ],
    args: (file) => ['-db', '-q', '-f', file],
  },
  {
    program: 'caddy',
    file: 'Caddyfile',
    changes: ({ tls, plain, server }) => [
      [
        '{$CARILLON_NAME:push.example.org} {',
        `https://127.0.0.1:${tls} {\n\tbind 127.0.0.1\n\ttls ${CERT} ${KEY}`,
      ],
      ['127.0.0.1:6001', `127.0.0.1:${server}`],
      [
        '\n\n',
        `\n{\n\tadmin off\n\thttp_port ${plain}\n\thttps_port ${tls}\n\tskip_install_trust\n\tgrace_period 100ms\n}\n\n`,
      ],
    ],
    args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
]

/** Starts a proxy in front of the server at a port. */
export async function startProxy({ program, file, changes, wrap, args }: Proxy, server: number) {
  const folder = mkdtempSync(join(tmpdir(), `carillon-${program}-`))
  const ports = { tls: findFreePort(), plain: findFreePort(), server }
  let text = readFileSync(join(ROOT, 'ops', file), 'utf8')
  for (const [from, to] of changes(ports, folder)) {
    if (!text.includes(from)) throw new Error(`ops/${file} has no ${JSON.stringify(from)}`)
    text = text.replace(from, () => to)
  }
  const written = join(folder, file)
  writeFileSync(written, wrap ? wrap(text, folder) : text)
  writeFileSync(join(folder, PEM), readFileSync(CERT, 'utf8') + readFileSync(KEY, 'utf8'))
  const env = { ...process.env, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const command = [pathOf(program)!, ...args(written, folder)]
  const child = Bun.spawn(command, { env, stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
  while (child.exitCode === null) {
    const up = await fetch(`https://127.0.0.1:${ports.tls}/up`, UNCHECKED).catch(() => undefined)
    if (up?.ok) break
  }
  if (child.exitCode !== null)
    throw new Error(`${program} ended: ${await new Response(child.stderr).text()}`)
  return {
    ...ports,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
