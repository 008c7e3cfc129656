/**
 * examples/esp32: the sketch, compiled against headers that stand for the ESP32's, talks to a server over a socket that
 * writes and reads as its library does. The library itself is not here: `test/field/arduino` says what it would send.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { findFreePort } from '../../../bench/lib/processes'
import { originCheck } from '../../../plugins/origin-check'
import { Inbox, OWN_APP, start, waitFor, type TestServer } from '../../harness'
import { execute, type LineReader } from '../commands'
import { describeWith } from '../programs'
import { DeviceSocket } from './device-socket'
import { expectPlayed, openExample, type Example } from './example'

const ARDUINO = join(import.meta.dir, '../arduino')
const CHANNEL = 'private-greenhouse'
const BACKEND_PORT = findFreePort()

/** Which commands the README has: the first is the server of this test. */
const PLAYED = ['HOST=192.168.1.10 bun run server', 'npm install', 'node backend.mjs', 'curl -u']

describeWith(['g++', 'npm'], 'examples/esp32', () => {
  let server: TestServer
  let example: Example
  let backend: LineReader
  beforeAll(async () => {
    server = await start({
      apps: [OWN_APP],
      config: { activityTimeoutSeconds: 20 },
      plugins: [originCheck()], // the configuration that the server starts with has it
    })
    example = openExample('esp32', {
      'push.example.com:6001': `push.example.com:${server.port}`,
      '192.168.1.10:6001': `127.0.0.1:${server.port}`,
      '192.168.1.10': '127.0.0.1',
      3000: BACKEND_PORT,
      YOUR_APP_ID: OWN_APP.id,
      YOUR_KEY: OWN_APP.key,
      YOUR_SECRET: OWN_APP.secret,
    })
    backend = example.start('node backend.mjs')
    expect(await backend.next()).toEqual([`Signing on http://127.0.0.1:${BACKEND_PORT}`])
    const main = '#include "esp32.ino"\nint main() { setup(); for (;;) loop(); }'
    await Bun.write(join(example.folder, 'main.cpp'), main)
    const command = ['-std=c++17', '-Wall', '-Werror', `-I${ARDUINO}`, '-o', 'sketch', 'main.cpp']
    await execute(['g++', ...command], { cwd: example.folder, timeoutMs: 60_000 })
  })
  afterAll(async () => {
    await backend[Symbol.asyncDispose]()
    example[Symbol.dispose]()
    await server.stop()
  })

  test('each command of the README is played here', () => {
    expectPlayed(
      example,
      PLAYED.map((mark) => mark.replace('192.168.1.10', '127.0.0.1')),
    )
  })

  test('the sketch is signed for, switches its lamp, and tells how warm it is', async () => {
    await using device = new Device(example.folder)
    const url = await device.says('connect ')
    expect(url).toStartWith(`ws://ws-push.example.com:${server.port}/app/${OWN_APP.key}?`)
    await using socket = await DeviceSocket.open(url, server.port)
    device.hear(await socket.next())

    const [backendUrl, ...request] = (await device.says('POST ')).split('\t')
    const answer = await fetch(backendUrl!, {
      method: 'POST',
      headers: request.slice(0, -1).map((line) => line.split(': ') as [string, string]),
      body: request.at(-1)!,
    })
    device.hear(`${answer.status} ${await answer.text()}`)
    socket.send(await device.says('send '))
    expect(await socket.next()).toBe(
      `{"event":"pusher_internal:subscription_succeeded","channel":"${CHANNEL}","data":"{}"}`,
    )

    await example.run('curl')
    device.hear(await socket.next())
    expect(await device.says('pin ')).toBe('2 1')

    await using asking = server.pusher()
    await asking.subscribe(CHANNEL)
    asking.pusher.channel(CHANNEL).trigger('client-ask', {})
    device.hear(await socket.next())
    socket.send(await device.says('send '))
    expect(await asking.nextEvent()).toMatchObject({
      event: 'client-temperature',
      data: { celsius: 21.5 },
    })

    // Silent as it is, it stays: the library answers native pings, and nobody the other one.
    server.advance(25_000)
    expect(await socket.next()).toBe('{"event":"pusher:ping","data":"{}"}')
    await server.sdk().trigger(CHANNEL, 'lamp', { on: false })
    const off = await socket.next()
    server.advance(15_000)
    device.hear(off)
    expect(await device.says('pin ')).toBe('2 0')
    await server.sdk().trigger(CHANNEL, 'lamp', { on: true })
    expect(await socket.next()).toContain('lamp')
  })

  test('each of the three ways leads here', async () => {
    const [, address] = /String\("([^"]+)"\)/.exec(example.block('cpp', 'return String('))!
    const [, query] = /key \+ "([^"]+)"/.exec(example.block('cpp', 'return String('))!
    const [, name] = /address=\/([^/]+)\//.exec(example.block('text', 'address='))!
    const [, cluster] = /CLUSTER\[\] = "([^"]+)"/.exec(example.block('cpp', 'CLUSTER[]'))!
    const rest = `.pusher.com:80/app/${OWN_APP.key}${query}`
    const ways = [
      `ws://ws-${cluster}${rest}`,
      `${address}${OWN_APP.key}${query}`,
      `ws://${name}:80/app/${OWN_APP.key}${query}`,
    ]
    for (const url of ways) {
      await using socket = await DeviceSocket.open(url, server.port)
      expect(await socket.next()).toContain('"event":"pusher:connection_established"')
    }
    const sketch = await Bun.file(join(example.folder, 'esp32.ino')).text()
    expect(sketch).toContain(example.block('cpp', 'CLUSTER[]'))
  })

  test('an app with hosts refuses what the library says of itself, and takes what README sets', async () => {
    const readme = await Bun.file(join(example.folder, 'README.md')).text()
    const [, origin] = /addHeader\("Origin", "([^"]+)"\)/.exec(readme)!
    await server.change({ hosts: ['//example.org'] })
    const url = `ws://127.0.0.1:${server.port}/app/${OWN_APP.key}?client=js&version=7.0.3&protocol=5`
    await using refused = await DeviceSocket.open(url, server.port)
    expect(await refused.next()).toContain('"code":4009')
    await server.change({ hosts: ['//github.com'] })
    await using listed = await DeviceSocket.open(url, server.port)
    expect(await listed.next()).toContain('"code":4009')
    await server.change({ hosts: [`//${new URL(origin!).hostname}`] })
    await using taken = await DeviceSocket.open(url, server.port, origin)
    expect(await taken.next()).toContain('"event":"pusher:connection_established"')
    await server.change({ hosts: [] })
  })

  test('the backend signs for no other device, channel or text', async () => {
    const ask = async (token: string, body: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` }
      const url = `http://127.0.0.1:${BACKEND_PORT}/`
      return (await fetch(url, { method: 'POST', headers, body })).status
    }
    const known = 'token-of-the-greenhouse'
    const question = (socket: unknown, channel: string) =>
      JSON.stringify({ socket_id: socket, channel_name: channel })
    expect(await ask(known, question('1.2', CHANNEL))).toBe(200)
    expect(await ask('another', question('1.2', CHANNEL))).toBe(403)
    expect(await ask(known, question('1.2', 'private-cellar'))).toBe(403)
    expect(await ask(known, question('no socket id', CHANNEL))).toBe(400)
    expect(await ask(known, 'x'.repeat(2000))).toBe(413)
    const without = execute(['node', 'backend.mjs'], { cwd: example.folder, timeoutMs: 20_000 })
    await expect(without).rejects.toThrow('Set PUSHER_APP_ID')
  })
})

/** The sketch as a program: what it does is printed, and what it hears is typed. */
class Device {
  readonly #child
  readonly #lines = new Inbox<string>()

  constructor(folder: string) {
    this.#child = Bun.spawn(['./sketch'], { cwd: folder, stdin: 'pipe', stdout: 'pipe' })
    void this.#read()
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const bytes of this.#child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.#lines.push(line)
    }
  }

  /** The rest of the next line, which must begin so. */
  async says(beginning: string): Promise<string> {
    const line = await this.#lines.next(beginning)
    expect(line).toStartWith(beginning)
    return line.slice(beginning.length)
  }

  hear(line: string): void {
    void this.#child.stdin.write(`${line}\n`)
    void this.#child.stdin.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await waitFor('its end', this.#child.exited)
  }
}
