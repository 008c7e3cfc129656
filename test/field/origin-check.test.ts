/** Origin check: what stock clients in a browser make of it. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { originCheck } from '../../plugins/origin-check'
import { start } from '../harness'
import { describePages } from './browser'

describePages('pusher-js in Chromium, with origin check', (browser) => {
  const PAGES: readonly (readonly [host: string, state: string])[] = [
    ['127.0.0.1', 'connected'],
    ['localhost', 'disconnected'],
  ]
  test.each(PAGES)('from a page on %s to 127.0.0.1, with conn, ends up %s', async (host, state) => {
    await using server = await start({ plugins: [originCheck({ hosts: ['conn'] })] })
    const page = await browser.newPage({ bypassCSP: true })
    await page.goto(`http://${host}:${server.port}/up`)
    await page.addScriptTag({
      path: join(import.meta.dir, '../../node_modules/pusher-js/dist/web/pusher.js'),
    })
    const reached = await page.evaluate(finalState, { key: server.app.key, port: server.port })
    expect(reached).toBe(state)
    await page.close()
  })
})

/** Runs in the page. */
function finalState({ key, port }: { key: string; port: number }): Promise<string> {
  const { Pusher } = globalThis as unknown as { Pusher: typeof import('pusher-js').default }
  const options = { cluster: 'x', wsHost: '127.0.0.1', wsPort: port, forceTLS: false }
  const { connection } = new Pusher(key, { ...options, enabledTransports: ['ws'] })
  return new Promise((resolve) => {
    for (const state of ['connected', 'disconnected', 'unavailable', 'failed'])
      connection.bind(state, () => resolve(state))
  })
}
