/** The page at /swagger below a prefix: of the settings, and of a proxy that takes it off. */
import { expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { describePages, type Pages } from './browser'

const FRONT = '/realtime'

/** A proxy that the server does not know of. */
function proxyOf(server: TestServer) {
  const proxy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname, search } = new URL(request.url)
      if (!pathname.startsWith(`${FRONT}/`)) return new Response('elsewhere', { status: 404 })
      const { method } = request
      const headers = new Headers(request.headers)
      headers.delete('host')
      const body = method === 'GET' ? null : request.body
      return server.http(pathname.slice(FRONT.length) + search, { method, headers, body })
    },
  })
  return { port: proxy.port, [Symbol.asyncDispose]: () => proxy.stop(true) }
}

describePages('below a prefix', (browser) => {
  test.each(['/swagger', '/swagger/'])('of a proxy, %s', async (path) => {
    await using server = await start()
    await using proxy = proxyOf(server)
    expect(await tryRoutes(browser, `http://127.0.0.1:${proxy.port}${FRONT}${path}`)).toEqual(FINE)
  })

  test.each(['/ws/swagger', '/ws/swagger/', '/swagger'])('of the settings, %s', async (path) => {
    await using server = await start({ config: { pathPrefix: '/ws' } })
    expect(await tryRoutes(browser, `http://127.0.0.1:${server.port}${path}`)).toEqual(FINE)
  })
})

const FINE = { signed: '200', basic: '200', problems: [] }

/** Statuses of a signed operation and of one of the admin API, both as the page fills them in. */
async function tryRoutes(browser: Pages, address: string) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } })
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()))
  const statusOf = async (operation: string): Promise<string> => {
    await page.goto('about:blank')
    await page.goto(`${address}#/${operation.replace('-', '/')}`)
    const block = page.locator(`#operations-${operation}`)
    await block.locator('.execute').click()
    return (await block.locator('.live-responses-table .response-col_status').last().innerText())
      .split('\n')[0]!
      .trim()
  }
  const signed = await statusOf('channels-listChannels')
  const basic = await statusOf('admin-listApps')
  await page.close()
  return { signed, basic, problems }
}
