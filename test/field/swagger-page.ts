/** The page at `/swagger`, opened in a browser and worked with. */
import type { Locator, Page } from 'playwright-core'
import type { TestServer } from '../harness'
import type { Pages } from './browser'

/** The page, the hosts that it contacted, what it sent to the signed routes, and its errors. */
export async function openPage(
  browser: Pages,
  server: TestServer,
  viewport = { width: 1280, height: 1600 },
) {
  const page = await browser.newPage({ viewport })
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
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()))
  const at = server.server.adminAddress
  await page.goto(`http://127.0.0.1:${at && 'port' in at ? at.port : server.port}/swagger`)
  return visit
}

/**
 * Opens an operation unless it is open: the page remembers it in its address. It is looked for by its name, since the
 * page draws all that it lists anew whenever one of them changes.
 */
export async function openOperation(page: Page, operation: string): Promise<Locator> {
  await page.locator('#filter').fill(operation.replace('-', ' '))
  const block = page.locator(`#operations-${operation}`)
  await block.waitFor()
  const button = block.locator('.execute')
  while (!(await button.isVisible())) {
    await block.locator('.opblock-summary-control').dispatchEvent('click')
    await button.waitFor({ timeout: 2000 }).catch(() => undefined) // the page had opened it meanwhile, so the click closed it
  }
  return block
}

/** Executes an operation as it is, reads the answer. */
export async function execute(page: Page, operation: string) {
  const block = await openOperation(page, operation)
  await block.locator('.execute').click()
  const answer = block.locator('.live-responses-table tbody')
  const status = (await answer.locator('.response-col_status').innerText()).trim()
  const shown = answer.locator('.highlight-code code')
  const body = (await shown.count()) > 0 ? await shown.first().innerText() : ''
  return { status, body }
}

/** Reads what the page shows of a response, or the reason why there is none. */
export async function readResponse(page: Page, operation: string): Promise<string> {
  const block = await openOperation(page, operation)
  await block.locator('.execute').click()
  return block.locator('.live-responses-table .response-col_description p').first().innerText()
}
