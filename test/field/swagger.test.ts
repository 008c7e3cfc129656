import { expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { start, type TestServer } from '../harness'
import { describePages, type Pages } from './browser'

describePages('the page at /swagger', (browser) => {
  test('signs a trigger in the browser, sends Basic to the admin API, asks no other host', async () => {
    await using server = await start()
    await using subscriber = server.pusher()
    await subscriber.subscribe('my-channel')
    await using visit = await open(browser, server)

    expect(await execute(visit.page, 'events-triggerEvent')).toEqual({ status: '200', body: '{}' })
    expect(await subscriber.nextEvent()).toEqual({
      channel: 'my-channel',
      event: 'my-event',
      data: { hello: 'world' },
    })

    const admin = await execute(visit.page, 'admin-listApps')
    expect(admin.status).toBe('200')
    expect(JSON.parse(admin.body).data).toMatchObject([{ id: 1, key: server.app.key }])

    expect(visit.problems).toEqual([])
    expect(visit.hosts).toEqual(new Set([`127.0.0.1:${server.port}`]))
  })

  test('creates an app from a form with one click', async () => {
    await using server = await start()
    await using visit = await open(browser, server)
    const created = await execute(visit.page, 'admin-createApp', 'multipart/form-data')
    expect(created.status).toBe('201')
    expect(server.core.apps.bySlug('foo-app')?.record.name).toBe('foo-app')
  })

  test('takes pasted credentials, for paths too, and keeps them in the tab', async () => {
    const app = { appId: '77', appKey: 'pasted-key', appSecret: 'pasted-sécret' }
    await using server = await start({ config: { ...app, pathPrefix: '/realtime' } })
    await using visit = await open(browser, server)
    const field = (name: string) => visit.page.locator(`#credentials [name=${name}]`)
    await visit.page.locator('.opblock').first().waitFor()
    expect(await field('secret').inputValue()).toBe('')

    await field('appId').fill(app.appId)
    await field('key').fill(app.appKey)
    await field('secret').fill(app.appSecret)
    expect(await execute(visit.page, 'channels-showChannel')).toMatchObject({ status: '200' })

    await visit.page.reload() // the page's address opens the operation again
    await visit.page.locator('#operations-channels-showChannel.is-open .execute').waitFor()
    expect(await field('secret').inputValue()).toBe(app.appSecret)
    await field('secret').fill('another')
    expect(await execute(visit.page, 'channels-showChannel')).toMatchObject({ status: '401' })
  })
})

/** The page, the hosts that it asked, and what went wrong in it. */
async function open(browser: Pages, server: TestServer) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } })
  const hosts = new Set<string>()
  const problems: string[] = []
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== 'data:') hosts.add(host)
  })
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()))
  await page.goto(`http://127.0.0.1:${server.port}/swagger`)
  return { page, hosts, problems, [Symbol.asyncDispose]: () => page.close() }
}

/** Opens an operation unless it is open (the page remembers it in its address), executes it as it is, reads the answer. */
async function execute(page: Page, operation: string, contentType?: string) {
  const block = page.locator(`#operations-${operation}`)
  await block.waitFor()
  const button = block.locator('.execute')
  while (!(await button.isVisible())) {
    await block.locator('.opblock-summary-control').click()
    await button.waitFor({ timeout: 2000 }).catch(() => undefined) // the page had opened it meanwhile, so the click closed it
  }
  if (contentType) await block.locator('.body-param-content-type select').selectOption(contentType)
  await button.click()
  const answer = block.locator('.live-responses-table tbody')
  const status = (await answer.locator('.response-col_status').innerText()).trim()
  const body = await answer.locator('.highlight-code code').first().innerText()
  return { status, body }
}
