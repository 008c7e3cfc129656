/** The page Live, opened in a browser by somebody who is signed in; its connections can be cut. */
import { connect, createServer, type Socket } from 'node:net'
import type { Locator, Page } from 'playwright-core'
import { makeBasicAuth } from '../../credentials'
import type { TestServer } from '../../harness'
import type { Pages } from '../browser'

export type LiveVisit = {
  readonly page: Page
  readonly problems: string[]
  readonly rows: Locator
  readonly detail: Locator
  /** Cuts every connection of the page, and lets it come back. */
  readonly cut: () => void
  [Symbol.asyncDispose](): Promise<void>
}

/** How often the server's clock moves on by a tenth of a second. */
const TICK_MS = 20

export async function openLive(
  browser: Pages,
  server: TestServer,
  query = '',
  viewport = { width: 1280, height: 900 },
): Promise<LiveVisit> {
  const proxy = await startProxy(server.port)
  const ticks = setInterval(() => server.advance(100), TICK_MS)
  const page = await browser.newPage({ viewport })
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  const { username, password } = server.server.credentials.admin
  const root = `http://127.0.0.1:${proxy.port}`
  const headers = makeBasicAuth(`${username}:${password}`)
  await page.request.post(`${root}/api/admin/sessions`, { headers })
  await page.goto(`${root}/console#/apps/test-app/live${query}`)
  await page.locator('.live-status').getByText('Live', { exact: true }).waitFor()
  return {
    page,
    problems,
    rows: page.locator('.live-list .filler > .row'),
    detail: page.locator('.live-detail'),
    cut: proxy.cut,
    async [Symbol.asyncDispose]() {
      await page.close()
      clearInterval(ticks)
      proxy.stop()
    },
  }
}

/** Passes bytes on, until it is told to cut. */
async function startProxy(to: number) {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    return socket.on('error', () => socket.destroy()) // the other side has gone
  }
  const listener = createServer((socket) => {
    const beyond = keep(connect(to, '127.0.0.1'))
    keep(socket).pipe(beyond).pipe(socket)
    socket.on('close', () => beyond.destroy())
    beyond.on('close', () => socket.destroy())
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  listener.listen(0, '127.0.0.1', resolve)
  await promise
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (listener.address() as { readonly port: number }).port,
    cut,
    stop: (): void => {
      cut()
      listener.close()
    },
  }
}
