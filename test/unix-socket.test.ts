/** Clients behind a proxy that connects through the file of a unix socket (`HOST=unix:PATH`). */
import { expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { announcement } from '../src/announce'
import { readConfig } from '../src/config/config'
import { start } from './harness'

const OWN = { appId: '7', appKey: 'k7', appSecret: 's7', adminUsername: 'me', adminPassword: 'pw' }

const HANDSHAKE =
  'GET /app/k7?protocol=7 HTTP/1.1\r\nhost: push.example.org\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-forwarded-for: 203.0.113.9\r\n\r\n'

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-unix-'))
  try {
    await run(join(folder, 'carillon.sock'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('sockets and requests come in through the file, which every proxy may use', () =>
  inFolder(async (path) => {
    const config = { ...OWN, host: `unix:${path}`, trustedProxies: ['unix'] }
    {
      await using server = await start({ config })
      expect(statSync(path).mode & 0o777).toBe(0o666)
      const up = await fetch('http://localhost/up', { unix: path })
      expect(up.status).toBe(200)
      const { promise, resolve } = Promise.withResolvers<string>()
      let text = ''
      const socket = connect(path, () => socket.write(HANDSHAKE))
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1')
        if (text.includes('connection_established')) resolve(text)
      })
      expect(await promise).toStartWith('HTTP/1.1 101')
      const [connection] = [...server.core.hub.connections()]
      expect(connection?.remoteAddress).toBe('203.0.113.9')
      socket.destroy()
    }
    expect(existsSync(path)).toBe(false)
  }))

test('nobody behind it is local, and nothing published is good there', () =>
  inFolder(async (path) => {
    await using server = await start({ config: { host: `unix:${path}` } })
    const { app, admin } = server.server.credentials
    expect([app.origin, admin.origin]).toEqual(['generated', 'generated'])
    const authorization = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
    const init = { unix: path, headers: { authorization } }
    expect((await fetch('http://localhost/api/admin/apps', init)).status).toBe(401)
    // An app without credentials is for local requests.
    const body = JSON.stringify({ channel: 'a', event: 'e', payload: {} })
    const open = await fetch('http://localhost/api/push', { unix: path, method: 'POST', body })
    expect([401, 403]).toContain(open.status)
    expect(await (await fetch('http://localhost/console/defaults', { unix: path })).json()).toEqual(
      {},
    )
  }))

test('the start says where clients come in', () =>
  inFolder(async (path) => {
    const host = `unix:${path}`
    await using server = await start({ config: { ...OWN, host } })
    const told = (publicUrl?: string): string =>
      announcement(
        server.server,
        { ...server.config, publicUrl },
        { files: undefined, isTerminal: true },
      )
    expect(told()).toContain(`for a proxy ${host}`)
    expect(told()).toContain('wss://YOUR-PROXY/app/k7')
    expect(told('https://push.example.org/ws')).toContain('wss://push.example.org/ws/app/k7')
    expect(told('https://push.example.org/ws')).toContain("wsPath: '/ws'")
  }))

test.each([
  [{ HOST: 'unix:relative.sock' }, 'HOST=unix:relative.sock'],
  [{ HOST: 'unix:' }, 'HOST=unix:'],
  [
    { HOST: 'unix:/run/a.sock', CARILLON_ADMIN_LISTEN: 'unix:/run/a.sock' },
    'expected another file',
  ],
  [
    { HOST: 'unix:/a', CARILLON_TLS_CERT_FILE: 'c', CARILLON_TLS_KEY_FILE: 'k' },
    'a unix socket has no TLS',
  ],
])('%p is refused', (env, says) => {
  expect(() => readConfig(env)).toThrow(says)
})
