/** The resume helper in a browser: what stock pusher-js missed is heard, over each of its transports. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { startKeeping } from '../client/page'
import { describePages } from './browser'
import { visit } from './page'

const FOLDER = join(import.meta.dir, '../..')
const LIBRARY = join(FOLDER, 'node_modules/pusher-js/dist/web/pusher.min.js')

/** The helper as a page bundles it, and the line that uses it. */
async function bundleHelper(): Promise<string> {
  const helper = await Bun.file(join(FOLDER, 'src/client/resume.js')).text()
  const line = `resume(Pusher, {
    onRecovered: (channel, data) => tell({ transport: 'helper', event: channel, data }),
  })`
  return `${helper.replaceAll('export function', 'function')}\n${line}`
}

describePages('carillon/resume in Chromium', (browser) => {
  test.each(['ws', 'xhr_streaming', 'xhr_polling'])(
    '%s: what was missed is heard, in order, after it is said',
    async (transport) => {
      await using server = await startKeeping()
      const script = await bundleHelper()
      const options = { enabledTransports: [transport] }
      await using page = await visit(browser, server, { library: LIBRARY, options, script })
      const publish = (n: number) => server.trigger({ channel: 'room', name: 'e', data: String(n) })
      const SUBSCRIBED = { event: 'pusher:subscription_succeeded' }
      expect(await page.next()).toMatchObject(SUBSCRIBED)
      await publish(1)
      expect(await page.next()).toMatchObject({ event: 'e', data: 1 })
      for (let round = 0; round < 2; round++) {
        // Between two polls nobody is told: the server may hold the session for another ten seconds.
        await page.page.evaluate('pusher.disconnect()')
        for (const n of [2, 3]) await publish(n)
        await page.page.evaluate('pusher.connect()')
        expect(await page.next()).toEqual({
          transport: 'helper',
          event: 'room',
          data: { recovered: true, missed: 2 },
        })
        expect(await page.next()).toMatchObject(SUBSCRIBED)
        await publish(4)
        for (const n of [2, 3, 4])
          expect(await page.next()).toMatchObject({ transport, event: 'e', data: n })
      }
    },
  )
})
