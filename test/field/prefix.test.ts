/** The page at /swagger below a prefix: of the settings, and of a proxy that takes it off. */
import { expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { describePages, type Pages } from './browser'
import { execute } from './swagger-page'

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
      const sent = { method, headers, body, decompress: false } // passed on as it is
      return server.http(pathname.slice(FRONT.length) + search, sent)
    },
  })
  return { port: proxy.port, [Symbol.asyncDispose]: () => proxy.stop(true) }
}

describePages('below a prefix', (browser) => {
  test('of a proxy', async () => {
    await using server = await start()
    await using proxy = proxyOf(server)
    const root = `http://127.0.0.1:${proxy.port}${FRONT}`
    await tryAll(browser, root, ['/swagger', '/swagger/'])
  })

  test('of the settings', async () => {
    await using server = await start({ config: { pathPrefix: '/ws' } })
    const root = `http://127.0.0.1:${server.port}`
    await tryAll(browser, root, ['/ws/swagger', '/ws/swagger/', '/swagger'])
  })
})

/** Pages of one server, at the same time. */
async function tryAll(browser: Pages, root: string, paths: readonly string[]): Promise<void> {
  const tried = paths.map(async (path) => ({ path, ...(await tryRoutes(browser, root + path)) }))
  await Promise.allSettled(tried) // one that fails does not leave the others behind
  expect(await Promise.all(tried)).toEqual(paths.map((path) => ({ path, ...FINE })))
}

const FINE = { signed: '200', basic: '200', problems: [] }

/** Statuses of a signed operation and of one of the admin API, both as the page fills them in. */
async function tryRoutes(browser: Pages, address: string) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } })
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()))
  await page.goto(address)
  const { status: signed } = await execute(page, 'channels-listChannels')
  const { status: basic } = await execute(page, 'admin-listApps')
  await page.close()
  return { signed, basic, problems }
}
