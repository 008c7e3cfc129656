/** What the kernel is asked for: an answer to an operator leaves after the log was flushed, any other without. */
import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import { BUILT, Executable } from '../built'
import { waitUntil } from '../webhooks/receiver'
import { describeWith, pathOf } from './programs'

const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`

describeWith('strace', 'the kernel', () => {
  test('flushes before it sends 201, and does not for an event that is kept', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
    const trace = join(folder, 'trace')
    const read = (): string => readFileSync(trace, 'utf8')
    const calls = '-e trace=fsync,fdatasync,sendto,write,writev'.split(' ')
    const strace = [pathOf('strace')!, '-D', '-f', '-y', '-s', '12', ...calls, '-o', trace]
    const command = [...strace, BUILT]
    const env = { DATABASE_PATH: join(folder, 'x.sqlite'), CARILLON_LOG_LEVEL: 'silent' }
    let pid = 0
    {
      await using program = new Executable(env, { command })
      pid = program.process.pid
      const port = await program.waitUntilListening()
      const send = async (method: string, path: string, app: object): Promise<void> => {
        const headers = { authorization: ADMIN, 'content-type': 'application/json' }
        const init = { method, headers, body: JSON.stringify({ app }) }
        const answer = await fetch(`http://127.0.0.1:${port}/api/admin/apps${path}`, init)
        if (!answer.ok) throw new Error(await answer.text())
      }
      await send('PATCH', '/test-app', { history: [{ prefix: 'room', durable: true }] })
      await send('POST', '', { name: 'first app' })
      await send('POST', '', { name: 'second app' })
      const sdk = new Server({
        appId: '1',
        key: 'test-app-fake-key',
        secret: 'test-app-fake-secret',
        host: '127.0.0.1',
        port: String(port),
        useTLS: false,
      } as Server.Options)
      for (let n = 0; n < 3; n++) await sdk.trigger('room', 'event', `${n}`)
      program.process.kill('SIGTERM')
      await program.waitForExit()
    }
    await waitUntil('the trace is whole', () => new RegExp(`^${pid} .*exited`, 'm').test(read()))
    // F for a flush of the log, then the status that was sent.
    const story = read()
      .split('\n')
      .map((line) =>
        /f(?:data)?sync\(.*-wal>/.test(line) ? 'F' : /"HTTP\/1\.1 (\d+)/.exec(line)?.[1],
      )
      .filter(Boolean)
      .join(' ')
    expect(story).toContain('F 200 F 201 F 201 200 200 200')
    rmSync(folder, { recursive: true, force: true })
  })
})
