/** Snippets of /console that need another program: the whole page, opened from a file, and the command line. */
import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAddress } from '../../../src/pages/console/connect/address'
import { snippetOf } from '../../../src/pages/console/connect/snippets'
import { start, waitFor, type TestServer } from '../../harness'
import { describePages } from '../browser'

const APP = { id: '7', name: 'A "name" <b>', slug: 'a-name', key: 'k7', secret: `s'"$\\#{}%` }
const DATA = JSON.stringify({ hello: 'world' })
/** Stands in for the file that the page has from its maker: no other host is asked. */
const PUSHER_JS = require.resolve('pusher-js/dist/web/pusher.min.js')

const textFor = (id: string, { port }: TestServer): string =>
  snippetOf(id).lines(APP, parseAddress(`http://127.0.0.1:${port}`))

const send = (server: TestServer) =>
  server.trigger({ channel: 'my-channel', name: 'my-event', data: DATA })

describePages('the page that is opened by a double click', (browser) => {
  test('connects from a file, and shows what arrives', async () => {
    await using server = await start({ apps: [APP] })
    const folder = await mkdtemp(join(tmpdir(), 'snippet-'))
    await Bun.write(`${folder}/carillon.html`, textFor('html', server))
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('pageerror', ({ message }) => problems.push(message))
    await page.route('https://js.pusher.com/**', (route) => route.fulfill({ path: PUSHER_JS }))
    await page.goto(`file://${folder}/carillon.html`)
    expect(await page.title()).toBe(APP.name)
    expect(await page.locator('h1').innerText()).toBe(APP.name)
    await page.locator('#state', { hasText: 'connected' }).waitFor()
    await server.waitForReceived(1)
    await send(server)
    await page.locator('#events', { hasText: DATA }).waitFor()
    expect(problems).toEqual([])
    await page.close()
    await rm(folder, { recursive: true })
  })
})

test('the command line listens as the app', async () => {
  await using server = await start({ apps: [APP] })
  // What the script of package.json runs, once it has installed.
  const text = textFor('command-line', server).replace('bun run carillon', 'bun src/index.ts')
  const child = Bun.spawn(['sh', '-c', text], {
    cwd: join(import.meta.dir, '../../..'),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
    detached: true, // a group of its own, which ends with what the shell has started
  })
  try {
    await server.waitForReceived(1)
    await send(server)
    const { value } = await waitFor('a line', child.stdout.getReader().read())
    expect(new TextDecoder().decode(value)).toContain('my-event')
  } finally {
    process.kill(-child.pid, 'SIGKILL')
    await child.exited
  }
})
