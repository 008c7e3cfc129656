/** The page at `/swagger`, opened in a browser and worked with. */
import type { Locator, Page } from 'playwright-core'
import type { TestServer } from '../harness'
import type { Pages } from './browser'

export type Visit = Awaited<ReturnType<typeof openPage>>

/**
 * The page, the hosts that it contacted, what it sent to the signed routes, and its errors. `hookPort` stands for the
 * port of the examples' endpoints of webhooks.
 */
export async function openPage(
  browser: Pages,
  server: TestServer,
  { hookPort }: { readonly hookPort?: number } = {},
) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } })
  const hosts = new Set<string>()
  const problems: string[] = []
  const visit = { page, hosts, problems, sent: '', [Symbol.asyncDispose]: () => page.close() }
  page.on('request', (request) => {
    const { protocol, host, pathname } = new URL(request.url())
    if (protocol !== 'data:') hosts.add(host)
    if (!pathname.startsWith('/apps/')) return
    const { authorization } = request.headers()
    visit.sent += `${request.url()} ${authorization ? atob(authorization.slice(6)) : ''} ${request.postData()}\n`
  })
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (line) => {
    if (line.type() === 'error') problems.push(`${line.text()} (${line.location().url})`)
  })
  if (hookPort !== undefined)
    await page.route(
      '**/swagger/json',
      async (route) => {
        const text = await (await server.http('/swagger/json')).text()
        const body = text.replaceAll(EXAMPLE_HOOK, `127.0.0.1:${hookPort}`)
        await route.fulfill({ contentType: 'application/json', body })
      },
      { times: 1 },
    )
  const at = server.server.adminAddress
  await page.goto(`http://127.0.0.1:${at && 'port' in at ? at.port : server.port}/swagger`)
  return visit
}

const EXAMPLE_HOOK = '127.0.0.1:3000'

/**
 * Opens an operation unless it is open: the page remembers it in its address. It is open when its answers are listed:
 * the button is there before, beside nothing.
 */
export async function openOperation(page: Page, operation: string): Promise<Locator> {
  await page.locator('#filter').fill(operation.replace('-', ' '))
  const block = page.locator(`#operations-${operation}`)
  await block.evaluate((element) => {
    if (!element.querySelector('.execute'))
      element.querySelector<HTMLElement>('.opblock-summary-control')!.click()
  })
  await block.locator('.responses-wrapper').waitFor()
  return block
}

/** Executes an operation as it is, reads the answer. */
export async function execute(page: Page, operation: string) {
  const block = await openOperation(page, operation)
  await block.locator('.execute').click()
  const answer = block.locator('.live-responses-table tbody')
  const status = (await answer.locator('.response-col_status').innerText()).trim()
  const shown = answer.locator('.highlight-code pre')
  const body = (await shown.count()) > 0 ? await shown.first().innerText() : ''
  return { status, body }
}

/** Reads what the page shows of a response, or the reason why there is none. */
export async function readResponse(page: Page, operation: string): Promise<string> {
  const block = await openOperation(page, operation)
  await block.locator('.execute').click()
  return block.locator('.live-responses-table .response-col_description p').first().innerText()
}
