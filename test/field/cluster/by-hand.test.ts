/** docs/scaling.md, "Two nodes, by hand": its commands, people behind nginx, and a node that is killed. */
import { expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Server from 'pusher'
import { findFreePort, isUp, reinCommand } from '../../../bench/lib/processes'
import { makeScratch } from '../../../bench/lib/scratch'
import { blocksOf, readPage, ROOT } from '../../docs/pages'
import { nextLook, PATIENCE_MS, RawClient, type TestServer, waitUntil } from '../../harness'
import { PusherClient } from '../../pusher-client'
import { describeWith, pathOf } from '../programs'

const ROOM = 'presence-room'

/** Its first blocks: the settings of all, then Redis, two nodes, nginx. */
const [SETTINGS = '', ...COMMANDS] = blocksOf(await readPage('docs/scaling.md'))
  .slice(0, 5)
  .map(({ code }) => code)

const valueOf = (name: string): string => new RegExp(`^${name}=(.+)$`, 'm').exec(SETTINGS)![1]!
const APP = {
  appId: valueOf('PUSHER_APP_ID'),
  key: valueOf('PUSHER_APP_KEY'),
  secret: valueOf('PUSHER_APP_SECRET'),
}

type Commands = AsyncDisposable & {
  readonly ports: Readonly<Record<'one' | 'two' | 'proxy', number>>
  /** The first node, as a crash does. */
  kill(): Promise<void>
}

/** Runs all of them in a folder of their own, on ports of their own. */
async function runCommands(): Promise<Commands> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(makeScratch())
  chmodSync(folder.path, 0o755)
  const [redis, one, two, proxy] = Array.from({ length: 4 }, findFreePort) as [
    number,
    number,
    number,
    number,
  ]
  const changes: Readonly<Record<string, string>> = {
    '127.0.0.1:6379': `127.0.0.1:${redis}`,
    'redis-server --port 6379': `exec redis-server --port ${redis} --save ''`,
    'PORT=6001': `exec env PORT=${one}`,
    'PORT=6002': `exec env PORT=${two}`,
    '127.0.0.1:6001/;': `127.0.0.1:${one}/; s/listen 8080/listen 127.0.0.1:${proxy}/;`,
    '127.0.0.1:6002': `127.0.0.1:${two}`,
    'ops/cluster': join(ROOT, 'ops/cluster'),
    '/tmp/one-and-two.pid': join(folder.path, 'nginx.pid'),
    'bun run server': `${process.execPath} ${join(ROOT, 'src/index.ts')}`,
    'nginx -c': `exec ${pathOf('nginx')} -e stderr -c`,
  }
  const change = (text: string): string =>
    Object.entries(changes).reduce((all, [from, to]) => all.replaceAll(from, to), text)
  writeFileSync(join(folder.path, '.env'), change(SETTINGS))
  const start = (command: string): Bun.Subprocess => {
    const child = Bun.spawn([...reinCommand('TERM'), 'sh', '-c', change(command)], {
      cwd: folder.path,
      env: { PATH: process.env['PATH'], CARILLON_LOG_LEVEL: 'error' },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
    })
    stack.defer(async () => {
      child.kill('SIGTERM')
      await child.exited
    })
    return child
  }
  const [, first] = COMMANDS.map(start)
  for (const port of [one, two, proxy]) await waitUntilUp(port)
  const kept = stack.move()
  return {
    ports: { one, two, proxy },
    async kill() {
      first!.kill('SIGKILL')
      await first!.exited
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function waitUntilUp(port: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await isUp(port))) {
    if (performance.now() > end) throw new Error(`${port} is not up`)
    await nextLook()
  }
}

describeWith(['redis-server', 'nginx'], 'two nodes, by hand', () => {
  test('of one that is killed people come back on the other, and who does not has left once', async () => {
    await using commands = await runCommands()
    const { ports } = commands
    const place = { host: '127.0.0.1', port: String(ports.proxy), useTLS: false }
    const sdk = new Server({ ...APP, ...place })
    const front = {
      app: { key: APP.key },
      sdk: () => sdk,
      socketPort: ports.proxy,
      port: ports.proxy,
    } as unknown as TestServer
    const sign = (client: RawClient, data: string): string =>
      sdk.authorizeChannel(client.socketId, ROOM, JSON.parse(data)).auth
    const enter = async (port: number, user: string): Promise<RawClient> => {
      const client = new RawClient(`ws://127.0.0.1:${port}/app/${APP.key}?protocol=7`)
      await client.hello()
      const data = JSON.stringify({ user_id: user })
      await client.subscribed(ROOM, sign(client, data), data)
      return client
    }
    await using observer = await enter(ports.two, 'observer')
    await enter(ports.one, 'leaver') // it ends with its node
    const people = Array.from(
      { length: 6 },
      (_, index) => new PusherClient(front, { user: { user_id: `p${index}` } }),
    )
    try {
      await Promise.all(people.map((each) => each.subscribe(ROOM)))
      for (let left = 7; left > 0; left--) expect(await observer.next()).toContain('member_added')
      await commands.kill()
      expect(await observer.nextJson()).toMatchObject({
        event: 'pusher_internal:member_removed',
        data: expect.stringContaining('leaver'),
      })
      await waitUntil('all are back', () =>
        people.every(({ pusher }) => pusher.channel(ROOM).subscribed),
      )
      await sdk.trigger(ROOM, 'e', {})
      expect(await observer.nextJson()).toMatchObject({ event: 'e' })
      for (const each of people) {
        const removed: unknown[] = []
        for (let next = await each.nextEvent(); next.event !== 'e'; next = await each.nextEvent())
          if (next.event === 'pusher:member_removed') removed.push(next.data)
        expect(removed.length).toBeLessThanOrEqual(1)
      }
    } finally {
      for (const each of people) await each[Symbol.asyncDispose]()
    }
  }, 60_000)
})
