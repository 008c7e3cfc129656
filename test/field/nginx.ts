/** Debian's nginx in front of a server: started by the test, on loopback, its workers as `www-data`. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../bench/lib/processes'
import { pathOf } from './programs'

/** What people write into a `location`, from nothing to what guides tell them. */
export const MANNERS = {
  'a bare proxy_pass': '',
  'upgrades alone': `
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;`,
  'kept connections': `
    proxy_http_version 1.1;
    proxy_set_header Host 127.0.0.1;
    proxy_set_header Connection "";`,
  'the headers of guides': `
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;`,
} as const
export type Manner = keyof typeof MANNERS

/**
 * `port` is the server's; `ports` are nginx's, one for each manner.
 * `extra` stands beside nginx's defaults, for whatever cannot be waited for.
 */
export async function startNginx(port: number, extra = '') {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-nginx-'))
  chmodSync(folder, 0o755)
  const names = Object.keys(MANNERS) as Manner[]
  const all = names.map(() => findFreePort())
  const ports = Object.fromEntries(names.map((name, index) => [name, all[index]!])) as Record<
    Manner,
    number
  >
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, configuration(folder, port, ports, extra))
  const command = [pathOf('nginx')!, '-p', folder, '-c', file, '-e', join(folder, 'error.log')]
  const child = Bun.spawn(command, { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' })
  await listening(child, all)
  return {
    ports,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function listening(child: Bun.Subprocess, ports: readonly number[]): Promise<void> {
  for (const port of ports)
    while (child.exitCode === null) {
      const up = await fetch(`http://127.0.0.1:${port}/up`).catch(() => undefined)
      if (up?.ok) break
    }
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
}

function configuration(
  folder: string,
  port: number,
  ports: Record<Manner, number>,
  extra: string,
): string {
  const servers = Object.entries(MANNERS).map(
    ([name, lines]) => `
  server {
    listen 127.0.0.1:${ports[name as Manner]};
    location / {
      proxy_pass http://${name === 'kept connections' ? 'kept' : `127.0.0.1:${port}`};${lines}
    }
  }`,
  )
  return `
daemon off;
user www-data;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  ${extra}
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' close;
  }
  upstream kept {
    server 127.0.0.1:${port};
    keepalive 8;
  }
${servers.join('\n')}
}
`
}
