/**
 * The guide to a move as it is printed: its rules, its publisher, its file for nginx and its switch take pages from
 * another server to ours, and each event is heard once. The other server is a small one of the bench.
 */
import { expect, test } from 'bun:test'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { INSTALLED_APP } from '../../bench/lib/installed'
import { MOVE_RULES } from '../../bench/lib/move-import'
import { EVENT, MovePage } from '../../bench/lib/move-page'
import { findFreePort, isUp, startServer } from '../../bench/lib/processes'
import { makeScratch } from '../../bench/lib/scratch'
import { blocksOf, readPage, ROOT } from '../docs/pages'
import { start } from '../harness'
import { create, requestAdmin } from '../http/admin-requests'
import { execute } from './commands'
import { describeWith, pathOf } from './programs'

const CHANNELS = ['news', 'private-chat', 'presence-room']
const SLUG = 'moved-app'
const PATIENCE_MS = 30_000

type Ports = { readonly old: number; readonly ours: number }
type Proxy = { readonly push: string; readonly command: string }

const blocks = blocksOf(await readPage('docs/moving.md'))
const blockWith = (mark: string): string => blocks.find(({ code }) => code.includes(mark))!.code

/** The guide's publisher as a program, which sends these numbers to all channels. */
async function publish(folder: string, ports: readonly number[], numbers: readonly number[]) {
  const program = `import { trigger } from './publish.mjs'
    for (const number of ${JSON.stringify(numbers)})
      await trigger(${JSON.stringify(CHANNELS)}, '${EVENT}', { number })`
  const variables = {
    PUSHER_APP_ID: INSTALLED_APP.id,
    PUSHER_APP_KEY: INSTALLED_APP.key,
    PUSHER_APP_SECRET: INSTALLED_APP.secret,
    PUSHER_URLS: ports.map((port) => `http://127.0.0.1:${port}`).join(' '),
  }
  const command = [process.execPath, '--no-env-file', '-e', program] as const
  await execute(command, { cwd: folder, timeoutMs: PATIENCE_MS, variables })
}

/** What pages ask of a publisher is about time, and nothing here is. */
const UNTIMED = { lastOf: () => 0, timeOf: () => 0 }

/** nginx with the guide's file, which has the old port. */
async function startNginx(folder: string, { old }: Ports) {
  const port = findFreePort()
  const [conf, push] = [join(folder, 'nginx.conf'), join(folder, 'push.conf')]
  const text = blockWith('# push.conf')
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('127.0.0.1:6002', `127.0.0.1:${old}`)
  writeFileSync(push, text)
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const paths = places.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
  writeFileSync(
    conf,
    `daemon off; pid ${folder}/pid; worker_processes 1; events { worker_connections 256; }
     http { access_log off; ${paths} include ${push}; }`,
  )
  const command = [pathOf('nginx')!, '-p', folder, '-c', conf, '-e', join(folder, 'error.log')]
  const child = Bun.spawn(command, { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' })
  return {
    port,
    push,
    command: command.join(' '),
    /** Processes that take nobody in any more, and still have connections. */
    isHandedOver: (): boolean => {
      const pids = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')
      return pids
        .filter(Boolean)
        .some((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('shutting down'))
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}

async function until(isDone: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error(`timed out: ${what}`)
    await Bun.sleep(5)
  }
}

test('the rules of the guide are those that the bench moves with', () => {
  const [, body = ''] = /-d '([^']+)'/.exec(blockWith('"rewind": 1000'))!
  expect(JSON.parse(body)).toEqual({ app: { history: MOVE_RULES } })
})

describeWith('nginx', 'the guide to a move', () => {
  test('its rules, publisher and switch take pages over, and each event is heard once', async () => {
    using scratch = makeScratch()
    const { path: folder } = scratch
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'publish.mjs'), blockWith('// publish.mjs'))
    await using old = await startServer('stand-in')
    await using ours = await start()
    await create(ours, { name: 'moved app', slug: SLUG, ...INSTALLED_APP })
    const ports = { old: old.peer.port, ours: ours.port }
    await using nginx = await startNginx(folder, ports)
    await until(() => isUp(nginx.port), 'nginx listens')
    const pages = ['1', '2'].map((user) => new MovePage(nginx.port, INSTALLED_APP, user, UNTIMED))
    await Promise.all(pages.map((page) => page.subscribe(CHANNELS)))
    const hear = (number: number): Promise<void> => {
      const numbers = new Map(CHANNELS.map((name) => [name, number]))
      return until(() => pages.every((page) => page.hasHeard(numbers)), `number ${number} is heard`)
    }
    const run = (command: string): Promise<string> =>
      execute(['sh', '-c', adapt(command, nginx, ports)], { cwd: folder, timeoutMs: PATIENCE_MS })

    await publish(folder, [ports.ours, ports.old], [1, 2])
    await hear(2)
    await run(blockWith('"rewind": 1000'))
    await publish(folder, [ports.ours], [3, 4, 5])
    await run(blockWith('nginx -s reload'))
    await until(nginx.isHandedOver, 'nginx has read its file')
    process.kill(old.peer.pid!, 'SIGTERM')
    await hear(5)
    await publish(folder, [ports.ours, ports.old], [6]) // the old one is gone: said, and no failure
    await hear(6)
    await run(blockWith('"history": []'))

    for (const { hearings } of pages)
      for (const [name, { numbers, repeated, misordered }] of hearings)
        expect([name, ...numbers, repeated, misordered]).toEqual([name, 1, 2, 3, 4, 5, 6, 0, 0])
    expect(pages.map((page) => page.countMembers('presence-room'))).toEqual([2, 2])
    const { body } = await requestAdmin(ours, 'GET', `/${SLUG}`)
    expect(body.data.history).toEqual([])
    for (const page of pages) page.leave()
  })
})

/** A command of the guide, for these ports and files. */
const adapt = (command: string, nginx: Proxy, { old, ours }: Ports): string =>
  command
    .replace('curl ', 'curl --silent --show-error --fail-with-body ')
    .replace('apps/test-app', `apps/${SLUG}`)
    .replaceAll('6001', String(ours))
    .replaceAll('6002', String(old))
    .replace('/etc/nginx/conf.d/push.conf', nginx.push)
    .replace('nginx -s reload', `${nginx.command} -s reload`)
