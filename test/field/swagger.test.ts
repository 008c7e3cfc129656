import { expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import type { Locator, Page } from 'playwright-core'
import type { SocketId } from '../../src/core/types'
import { start } from '../harness'
import { makeSession } from '../sessions'
import { addConnection } from '../connections'
import { describePages } from './browser'
import { execute, openOperation, openPage, readResponse } from './swagger-page'

describePages('the page at /swagger', (browser) => {
  test('signs a trigger in the browser, sends Basic to the admin API, asks no other host', async () => {
    await using server = await start()
    await using subscriber = server.pusher()
    await subscriber.subscribe('my-channel')
    await using visit = await openPage(browser, server)

    expect(await execute(visit.page, 'events-triggerEvent')).toEqual({ status: '200', body: '{}' })
    expect(await subscriber.nextEvent()).toEqual({
      channel: 'my-channel',
      event: 'my-event',
      data: { hello: 'world' },
    })

    const admin = await execute(visit.page, 'admin-listApps')
    expect(admin.status).toBe('200')
    expect(JSON.parse(admin.body).data).toMatchObject([{ id: 1, key: server.app.key }])

    expect(visit.sent).toContain('auth_signature=')
    expect(visit.sent).not.toContain(server.app.secret)
    expect(visit.problems).toEqual([])
    expect(visit.hosts).toEqual(new Set([`127.0.0.1:${server.port}`]))
  })

  test('at an address for admins it tries routes of apps out too, and asks no other host', async () => {
    const config = { adminListen: { host: '127.0.0.1', port: 0 }, pathPrefix: '/realtime' }
    await using server = await start({ config })
    await using visit = await openPage(browser, server)
    const { page } = visit
    expect(await execute(page, 'events-triggerEvent')).toEqual({ status: '200', body: '{}' })
    expect(await execute(page, 'PushEx-push')).toMatchObject({ status: '200' })
    expect(await execute(page, 'admin-listApps')).toMatchObject({ status: '200' })
    await page.locator('#credentials [name=secret]').fill('another')
    expect(await readResponse(page, 'ExPusherLite-listChannelsOfApp')).toBe(
      'Error: key or secret in the bar is wrong',
    )
    expect(await page.locator('.operation-servers').count()).toBe(0)
    const at = server.server.adminAddress
    expect(visit.hosts).toEqual(new Set([`127.0.0.1:${at && 'port' in at && at.port}`]))
  })

  test.each(['application/x-www-form-urlencoded', 'multipart/form-data'])(
    'every form fits a screen, and succeeds as it is: %s',
    async (type) => {
      await using server = await start()
      await using visit = await openPage(browser, server)
      for (const operation of FORMS) {
        const block = await openOperation(visit.page, operation)
        await block.locator('.body-param-content-type select').selectOption(type)
        for (const screen of SCREENS) expect(await countMissing(visit.page, block, screen)).toBe(0)
        const { status } = await execute(visit.page, operation)
        expect({ operation, status }).toEqual({ operation, status: expect.stringMatching(/^2/) })
        await block.locator('.opblock-summary-control').dispatchEvent('click')
      }
      expect(server.core.apps.bySlug('foo-app')?.record.name).toBe('foo-app')
    },
  )

  test('takes pasted credentials, for paths too, and keeps them in the tab', async () => {
    const app = { appId: '77', appKey: 'pasted-key', appSecret: 'pasted-sécret' }
    await using server = await start({ config: { ...app, pathPrefix: '/realtime' } })
    await using visit = await openPage(browser, server)
    const field = (name: string) => visit.page.locator(`#credentials [name=${name}]`)
    await visit.page.locator('.opblock').first().waitFor()
    expect(await field('secret').inputValue()).toBe('')

    await field('appId').fill(app.appId)
    await field('key').fill(app.appKey)
    await field('secret').fill(app.appSecret)
    const push = await openOperation(visit.page, 'PushEx-push')
    expect(await push.locator('[data-param-name=app_key] input').inputValue()).toBe(app.appKey)
    expect(await execute(visit.page, 'channels-showChannel')).toMatchObject({ status: '200' })

    await visit.page.reload() // the page's address opens the operation again
    await visit.page.locator('#operations-channels-showChannel.is-open .execute').waitFor()
    expect(await field('secret').inputValue()).toBe(app.appSecret)
    await field('secret').fill('another')
    expect(await execute(visit.page, 'channels-showChannel')).toMatchObject({ status: '401' })
  })

  test('says what is empty and what is wrong', async () => {
    await using server = await start()
    await using visit = await openPage(browser, server)
    const field = (name: string) => visit.page.locator(`#credentials [name=${name}]`)
    await visit.page.locator('.opblock').first().waitFor()
    await field('secret').fill('')
    expect(await readResponse(visit.page, 'channels-listChannels')).toBe(
      'Not signed and not sent: the bar has no secret.',
    )
    await field('secret').fill('another')
    expect(await readResponse(visit.page, 'ExPusherLite-listChannelsOfApp')).toBe(
      'Error: key or secret in the bar is wrong',
    )
    await field('password').fill('another')
    expect(await readResponse(visit.page, 'admin-listApps')).toBe(
      'Error: user or password in the bar is wrong',
    )
    await field('token').fill('nonsense')
    expect(await execute(visit.page, 'admin-listTokens')).toEqual({
      status: '401',
      body: 'The token is not one of Carillon, or has a typo\n',
    })
  })

  test('filters the list, and says so where nothing is left', async () => {
    await using server = await start({ plugins: [guardian()] })
    await using visit = await openPage(browser, server)
    const { page } = visit
    const found = page.locator('.opblock-summary-path')
    await found.first().waitFor()
    expect((await found.allInnerTexts())[0]).toContain('events')
    await page.locator('#filter').fill('Post revocations')
    await found.nth(1).waitFor({ state: 'detached' })
    expect((await found.allInnerTexts()).map(removeBreaks)).toEqual([
      '/plugins/guardian/revocations',
    ])
    expect(await page.locator('.auth-scheme').allInnerTexts()).toEqual(['admin'])
    await page.locator('#filter').fill('nothing of it')
    await page.getByText('No operation has all these words.').waitFor()
    expect(visit.problems).toEqual([])
  })

  test('every operation fits a screen, and succeeds as it is', async () => {
    await using server = await start({ plugins: [guardian()] })
    server.server.sessions.add(makeSession('spare'))
    await using visit = await openPage(browser, server)
    const { page } = visit
    await page.locator('.opblock').first().waitFor()
    const ids = await page.locator('.opblock').evaluateAll((all) => all.map(({ id }) => id))
    expect(ids.length).toBeGreaterThan(30)
    for (const id of ids) {
      const operation = id.replace('operations-', '')
      const block = await openOperation(page, operation)
      for (const screen of SCREENS)
        expect({ operation, ...screen, missing: await countMissing(page, block, screen) }).toEqual({
          operation,
          ...screen,
          missing: 0,
        })
      if (operation === 'admin-showConnection')
        addConnection(server, server.core.apps.bySlug('foo-app')!, '123.456' as SocketId)
      const { status } = await execute(page, operation)
      expect({ operation, status }).toEqual({ operation, status: expect.stringMatching(/^2/) })
      await block.locator('.opblock-summary-control').dispatchEvent('click')
    }
    expect(visit.problems).toEqual([])
  }, 180_000)
})

const FORMS = [
  'ExPusherLite-publishToScope',
  'PushEx-push',
  'admin-createApp',
  'admin-changeApp',
  'admin-replaceApp',
  'admin-createToken',
]

/** The last one is that of the executing. */
const SCREENS = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
]

/** How many pixels a screen lacks for an open operation, below the bar where that stays. */
async function countMissing(page: Page, block: Locator, screen: { width: number; height: number }) {
  await page.setViewportSize(screen)
  const covered = await page
    .locator('header')
    .evaluate((bar) => (getComputedStyle(bar).position === 'sticky' ? bar.clientHeight : 0))
  const { height } = (await block.boundingBox())!
  return Math.max(0, height + covered - screen.height)
}

/** Paths may be broken before a slash. */
const removeBreaks = (path: string): string => path.replaceAll('\u200b', '')
