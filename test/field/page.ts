/** A page in a browser with pusher-js on it, and what it hears. */
import type { Page } from 'playwright-core'
import { Inbox, type TestServer } from '../harness'
import type { Pages } from './browser'

/** What a page reports: its connection, and the events that it receives. */
export type Heard = { readonly transport: string; readonly event: string; readonly data: unknown }

export type Visit = AsyncDisposable & {
  readonly page: Page
  /** What the page reports of its channels. */
  readonly heard: Inbox<Heard>
  next(): Promise<Heard>
}

export type Visitor = {
  /** The library's file. */
  readonly library: string
  readonly options: object
  /** What else is on the page, after the library. */
  readonly script?: string
  /** The page subscribes to them. */
  readonly channels?: readonly string[]
  /** Who it is on presence channels. */
  readonly user?: { readonly user_id: string; readonly user_info?: object }
}

/** Visits a page on an origin of its own that connects with the options and reports what it receives. */
export async function visit(browser: Pages, server: TestServer, visitor: Visitor): Promise<Visit> {
  const { library, options, script, channels = ['room'], user } = visitor
  const page = await browser.newPage({ ignoreHTTPSErrors: true })
  // Another port is another origin, on an address from which browsers let a page ask loopback.
  const site = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    routes: { '/': emptyPage, '/pusher/auth': (request) => authorize(server, request, user) },
  })
  const heard = new Inbox<Heard>()
  await page.exposeFunction('tell', (item: Heard) => heard.push(item))
  await page.goto(site.url.href)
  await page.addScriptTag({ path: library })
  if (script !== undefined) await page.addScriptTag({ content: script })
  await page.addScriptTag({ content: CONNECT })
  const where = {
    wsHost: '127.0.0.1',
    wsPort: server.port,
    httpHost: '127.0.0.1',
    httpPort: server.port,
  }
  const settings = { cluster: 'test', forceTLS: false, ...where, ...options }
  const args = [server.app.key, settings, channels].map((word) => JSON.stringify(word))
  await page.evaluate(`connect(${args.join(', ')})`)
  const close = async (): Promise<void> => {
    await page.close()
    await site.stop(true)
  }
  return { page, heard, next: () => heard.next(), [Symbol.asyncDispose]: close }
}

const emptyPage = (): Response =>
  new Response('<!doctype html><title>page</title>', { headers: { 'content-type': 'text/html' } })

/** The application's auth endpoint, at pusher-js' default path. */
async function authorize(server: TestServer, request: Request, user: Visitor['user']) {
  const settings = new URLSearchParams(await request.text())
  const [socketId, channel] = [settings.get('socket_id')!, settings.get('channel_name')!]
  return Response.json(server.sdk().authorizeChannel(socketId, channel, user))
}

/** Runs on the page. Up to version 3 what hears all events of a channel is called `bind_all`. */
const CONNECT = `function connect(key, options, channels) {
  const pusher = (window.pusher = new Pusher(key, options))
  const transport = () => pusher.connection.connection?.transport.name
  for (const name of channels) {
    const channel = pusher.subscribe(name)
    const bind = channel.bind_global ?? channel.bind_all
    bind.call(channel, (event, data) => tell({ transport: transport(), event, data }))
  }
}`
