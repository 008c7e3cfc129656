/** Pages on two origins with stock pusher-js, that ask one backend; and what no page asks. */
import { connect } from 'node:net'
import type { Page } from 'playwright-core'
import type { Pages } from '../browser'

/** An empty page on an origin of its own, with stock pusher-js. */
export async function openSite(browser: Pages) {
  const html = '<!doctype html><title>page</title>'
  const headers = { 'content-type': 'text/html' }
  const site = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(html, { headers }),
  })
  const page = await browser.newPage()
  await page.goto(site.url.href)
  await page.addScriptTag({ path: require.resolve('pusher-js/dist/web/pusher.min.js') })
  const close = async (): Promise<void> => {
    await page.close()
    await site.stop(true)
  }
  return { port: site.port!, page, [Symbol.asyncDispose]: close }
}

/** Asks for a private channel as Ada; what becomes of it. */
export function enter(
  { page }: { readonly page: Page },
  endpoint: string,
  serverPort: number,
): Promise<string> {
  const options = {
    cluster: 'test',
    wsHost: '127.0.0.1',
    wsPort: serverPort,
    forceTLS: false,
    channelAuthorization: { endpoint, headers: { authorization: 'Bearer adas-session' } },
  }
  return page.evaluate<string>(`new Promise((resolve) => {
    const channel = new Pusher('test-app-fake-key', ${JSON.stringify(options)}).subscribe('private-team')
    for (const end of ['pusher:subscription_succeeded', 'pusher:subscription_error'])
      channel.bind(end, () => resolve(end))
  })`)
}

/** The status of what is asked for, written as it is: `fetch` would tidy it up. */
export function statusOf(port: number, target: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`),
  )
  socket.on('data', (bytes) => resolve(bytes.toString().slice(9, 12)))
  socket.on('close', () => resolve('closed'))
  socket.on('error', reject)
  return promise
}
