/** The line of ops/Procfile as a platform runs it: with a port of its own, and with a disk that forgets. */
import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RawClient } from '../../../kit/client'
import { ROOT } from '../../docs/pages'
import { BUILT, Executable } from '../../built'

const SETTINGS = {
  CARILLON_TRUSTED_PROXIES: '127.0.0.1', // the router
  CARILLON_PLAIN_HTTP: 'redirect',
  PUSHER_APP_ID: '1',
  PUSHER_APP_KEY: 'k1',
  PUSHER_APP_SECRET: 's1',
  PUSHER_ADMIN_USERNAME: 'admin',
  PUSHER_ADMIN_PASSWORD: 'secret',
  DATABASE_PATH: '', // as the settings leave it: below the folder
}
/** What a router says of a client that came by TLS. */
const ROUTED = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }

test('the app of the settings outlasts a restart with an empty disk, one made there does not', async () => {
  const line = /^web: (.*)$/m.exec(await Bun.file(join(ROOT, 'ops/Procfile')).text())![1]!
  const folder = mkdtempSync(join(tmpdir(), 'carillon-platform-'))
  mkdirSync(join(folder, 'dist'))
  symlinkSync(BUILT, join(folder, 'dist/carillon'))
  const command = ['sh', '-c', line.replace('0.0.0.0', '127.0.0.1')]
  const keys = ['k1']
  const greet = async (port: number, key: string): Promise<string> => {
    const url = `ws://127.0.0.1:${port}/app/${key}?protocol=7`
    await using client = new RawClient(url, { headers: ROUTED })
    return await client.next()
  }
  for (const life of ['first', 'second']) {
    await using program = new Executable(SETTINGS, { command, cwd: folder })
    const port = await program.waitUntilListening()
    const base = `http://127.0.0.1:${port}`
    expect((await fetch(`${base}/console`, { redirect: 'manual' })).status).toBe(308)
    expect(await greet(port, 'k1')).toContain('connection_established')
    if (life === 'first') {
      const made = await fetch(`${base}/api/admin/apps`, {
        method: 'POST',
        body: new URLSearchParams({ 'app[name]': 'shiny-new-app' }),
        headers: { ...ROUTED, authorization: `Basic ${btoa('admin:secret')}` },
      })
      keys.push(((await made.json()) as { data: { key: string } }).data.key)
      expect(await greet(port, keys[1]!)).toContain('connection_established')
    } else expect(await greet(port, keys[1]!)).toContain('4001')
    program.process.kill('SIGTERM')
    expect(await program.waitForExit()).toBe(0)
    rmSync(join(folder, 'data'), { recursive: true })
  }
  rmSync(folder, { recursive: true })
})
