import { expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import type { SocketId } from '../../src/core/types'
import { start, startCommon } from '../harness'
import { makeSession } from '../sessions'
import { addConnection } from '../connections'
import { describePages } from './browser'
import { execute, openOperation, openPage, readResponse } from './swagger-page'
import { listOperations, tryOut } from './swagger-tour'

describePages('the page at /swagger', (browser) => {
  const common = startCommon({ plugins: [guardian()] })

  test('signs a trigger in the browser, sends Basic to the admin API, asks no other host', async () => {
    const server = common()
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

  test('colors what an answer says, unless it is long', async () => {
    await using visit = await openPage(browser, common())
    const { page } = visit
    const countColored = async (operation: string): Promise<[number, string]> => {
      const { body } = await execute(page, operation)
      const answer = page.locator(`#operations-${operation} .live-responses-table`)
      return [await answer.locator('.highlight-code').first().locator('span').count(), body]
    }
    expect((await countColored('admin-listApps'))[0]).toBeGreaterThan(0)
    const [colored, document] = await countColored('operations-showDocument')
    expect(colored).toBe(0)
    expect(Object.keys(JSON.parse(document).paths)).toContain('/apps/{appId}/events')
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
      const server = common()
      await using visit = await openPage(browser, server)
      for (const operation of FORMS) await tryOut(visit, operation, type)
      expect(server.core.apps.bySlug('foo-app')?.record.name).toBe('foo-app')
      for (const operation of REMOVALS) await tryOut(visit, operation)
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
    // The pages of tests ask for less motion.
    const moving = await push
      .locator('.execute')
      .evaluate((button) => getComputedStyle(button).transitionProperty)
    expect(moving).toBe('none')
    expect(await push.locator('[data-param-name=app_key] input').inputValue()).toBe(app.appKey)
    expect(await execute(visit.page, 'channels-showChannel')).toMatchObject({ status: '200' })

    await visit.page.reload() // the page's address opens the operation again
    await visit.page.locator('#operations-channels-showChannel.is-open .execute').waitFor()
    expect(await field('secret').inputValue()).toBe(app.appSecret)
    await field('secret').fill('another')
    expect(await execute(visit.page, 'channels-showChannel')).toMatchObject({ status: '401' })
  })

  test('says what is empty and what is wrong', async () => {
    const server = common()
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
    const server = common()
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
    const server = common()
    await using hook = startHook()
    server.server.sessions.add(makeSession('spare'))
    const tryThose = async (isMeant: (operation: string) => boolean): Promise<number> => {
      await using visit = await openPage(browser, server, { hookPort: hook.port })
      const operations = (await listOperations(visit.page)).filter(isMeant)
      for (const operation of operations) {
        if (operation === 'admin-showConnection')
          addConnection(server, server.core.apps.bySlug('foo-app')!, '123.456' as SocketId)
        await tryOut(visit, operation)
      }
      return operations.length
    }
    // Each finds what those before it have made; no other finds what those of admins make.
    const isOfAdmins = (operation: string) => operation.startsWith('admin-')
    const tours = [tryThose(isOfAdmins), tryThose((operation) => !isOfAdmins(operation))]
    await Promise.allSettled(tours) // one that fails does not leave the other behind
    for (const count of await Promise.all(tours)) expect(count).toBeGreaterThan(20)
    expect(hook.requests).toBeGreaterThan(0)
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

/** They take away what the forms have made. */
const REMOVALS = ['admin-deleteApp', 'admin-revokeToken']

/** An endpoint of webhooks, in place of the port of the examples: whatever listens there may never answer. */
function startHook() {
  const seen = { requests: 0 }
  const site = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch() {
      seen.requests++
      return new Response()
    },
  })
  return {
    port: site.port!,
    get requests() {
      return seen.requests
    },
    [Symbol.asyncDispose]: () => site.stop(true),
  }
}

/** Paths may be broken before a slash. */
const removeBreaks = (path: string): string => path.replaceAll('\u200b', '')
