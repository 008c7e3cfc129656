/** Apps and Connect: from nothing to an event that arrives, settings, keys, the end of an app; and what tokens see. */
import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Download, Page } from 'playwright-core'
import { definePlugin, t } from 'carillon/plugin'
import { change, create, requestAdmin } from '../../http/admin-requests'
import { start, startCommon, type TestServer } from '../../harness'
import { makeToken } from '../../tokens'
import { describePages, type Pages } from '../browser'
import { PHONE, visitConsole } from './visit'

const PUSHER_JS = require.resolve('pusher-js/dist/web/pusher.min.js')
const DATA = '{"hello":"world"}'

const QUOTA = definePlugin({
  name: 'quota',
  carillon: 1,
  settings: t.Object({ per_day: t.Integer({ minimum: 1, description: 'events' }) }),
  setup: () => ({}),
})

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
const appOf = async (server: TestServer, slug: string) =>
  (await requestAdmin(server, 'GET', `/${slug}`)).body.data

describePages('apps in the console', (browser) => {
  const serverOf = startCommon({ plugins: [QUOTA] })

  test('the first minute: an app, its page, an event that arrives', async () => {
    const server = serverOf()
    await using visit = await visitConsole(browser, server)
    const { page, problems } = visit
    await visit.open('apps')
    await press(page, 'New app')
    await page.getByLabel('Name').fill('abc')
    await press(page, 'Create')
    await page.getByText('should be at least 5 character(s)').waitFor()
    await page.getByLabel('Name').fill('My first app')
    await press(page, 'Create')
    await page.getByText('Waiting for the first connection').waitFor()
    expect(new URL(page.url()).hash).toBe('#/apps/my-first-app/connect')

    const { key, secret } = await appOf(server, 'my-first-app')
    expect(await page.locator('main').innerText()).not.toContain(secret)
    const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download')])
    expect(download.suggestedFilename()).toBe('carillon.html')
    await using client = await openFile(browser, download)
    using _ = tick(server)
    await page.getByText('Connected', { exact: true }).waitFor()
    await page.getByText('Subscribed', { exact: true }).waitFor()
    await page.getByText('1 connected now').waitFor()
    await press(page, 'Send my-event')
    await page.getByText('An event was sent', { exact: true }).waitFor()
    await client.page.locator('#events', { hasText: DATA }).waitFor()
    expect(await client.page.content()).not.toContain(secret)

    await page.getByLabel('Address of this server').fill('https://push.example.com')
    await page.getByRole('link', { name: 'Python' }).click()
    await page.getByText('host="push.example.com"').waitFor()
    const shown = page.locator('.snippet pre').last()
    await shown.filter({ hasText: 'YOUR_SECRET' }).waitFor()
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await press(page, 'Copy Python')
    await page.getByText('Copied').waitFor()
    const copied = await page.evaluate<string>('navigator.clipboard.readText()')
    expect([copied.includes(key), copied.includes(secret)]).toEqual([true, true])
    await page.setViewportSize(PHONE)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width)
    await press(page, 'Show the secret')
    expect(await shown.innerText()).toBe(copied)
    expect(problems).toEqual([])
  })

  test('settings: what has changed alone is sent, what is wrong is said beside it', async () => {
    const server = serverOf()
    await create(server, { name: 'my app', limits: { max_presence_members: 7 } })
    await using visit = await visitConsole(browser, server)
    const { page, problems } = visit
    const sent: unknown[] = []
    page.on('request', (request) => {
      if (request.method() === 'PATCH') sent.push(request.postDataJSON().app)
    })
    await visit.open('apps/my-app/settings')
    await page.getByLabel('Client events', { exact: true }).uncheck()
    await page.getByText('Not saved yet').waitFor()
    await page.getByLabel('Client events', { exact: true }).check()
    expect(await page.getByText('Not saved yet').count()).toBe(0)

    await page.getByLabel('Subscription counts').check()
    await page.getByLabel('Origins').fill('https://a.example\n')
    await press(page, 'Add an endpoint')
    await page.getByLabel('URL').fill('nowhere')
    await page.getByLabel('cache_miss').uncheck()
    await page.getByLabel('Headers').fill('x-a: b')
    await press(page, 'Add a rule')
    await page.getByLabel('Channels that begin with').last().fill('news-')
    await page.locator('[name=max_presence_members]').fill('')
    await page.locator('[name=max_event_data_bytes]').fill('none')
    await press(page, 'Give quota settings')
    const quota = page.getByLabel('quota', { exact: true })
    expect(JSON.parse(await quota.inputValue())).toEqual({ per_day: 1 })
    await quota.fill('{"per_day": 0}')

    await page.getByRole('link', { name: 'Keys' }).click()
    await page.getByText('Change the pair').waitFor()
    await page.getByRole('link', { name: 'Settings' }).click()
    const unsaved = page.locator('.unsaved b')
    expect(await unsaved.innerText()).toBe(
      'Subscription counts, Pages that may connect, Webhooks, History, Limits, Plugins',
    )
    await press(page, 'Save')
    for (const words of [
      'are enforced by no plugin; expected an empty list',
      'has the url "nowhere"; expected one of http or https',
      'has max_event_data_bytes "none"; expected an integer from 1 to 1048576',
      'has a wrong quota.per_day',
    ])
      await page.getByText(words).waitFor()

    await page.getByLabel('Origins').fill('')
    await page.getByLabel('URL').fill('http://127.0.0.1:1/hook')
    await page.locator('[name=max_event_data_bytes]').fill('2048')
    await quota.fill('{"per_day": 5')
    await page.getByText('Line 1, column 14').waitFor()
    await quota.fill('{"per_day": 5}')
    await press(page, 'Save')
    await unsaved.waitFor({ state: 'detached' })
    const rule = { prefix: 'news-', durable: false, size: 100, ttl_seconds: 3600, rewind: 0 }
    const [webhook] = (await appOf(server, 'my-app')).webhooks
    expect(webhook).toEqual({
      url: 'http://127.0.0.1:1/hook',
      event_types: expect.not.arrayContaining(['cache_miss']),
      headers: { 'x-a': 'b' },
    })
    expect(sent.at(-1)).toEqual({
      subscription_counts: true,
      webhooks: [webhook],
      history: [rule],
      limits: { max_presence_members: null, max_event_data_bytes: 2048 },
      plugins: { quota: { per_day: 5 } },
    })

    await page.getByLabel('Name').fill('another name')
    await press(page, 'Discard')
    expect(await page.getByLabel('Name').inputValue()).toBe('my app')
    await page.getByLabel('Name').fill('another name')
    await press(page, 'Save')
    await page.waitForURL('**/console#/apps/another-name/settings')
    expect(sent.at(-1)).toEqual({ name: 'another name' })
    expect(problems).toEqual([])
  })

  test('keys: a pair is added, works beside the old one, which is retired', async () => {
    const server = serverOf()
    await create(server, { name: 'keys app' })
    await using visit = await visitConsole(browser, server)
    const { page, problems } = visit
    await visit.open('apps/keys-app/keys')
    const [old] = (await appOf(server, 'keys-app')).keys
    await press(page, 'Add a pair')
    await page.getByRole('heading', { name: 'New pair' }).waitFor()
    const { keys } = await appOf(server, 'keys-app')
    expect([keys.length, keys[0]]).toEqual([2, old])
    expect(await page.getByText(keys[1].secret).count()).toBe(0)
    await press(page, `Show the secret of ${keys[1].key}`)
    await page.getByText(keys[1].secret).waitFor()

    const oldPair = page.getByRole('region', { name: `Pair ${old.key}` })
    await oldPair.getByRole('button', { name: 'Retire' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Retire' }).click()
    await oldPair.waitFor({ state: 'detached' })
    expect((await appOf(server, 'keys-app')).keys).toEqual([keys[1]])
    expect(problems).toEqual([])
  })

  test('an app is disabled, enabled, and deleted by its name', async () => {
    const server = serverOf()
    const { key } = (await create(server, { name: 'last app' })).body.data
    await using visit = await visitConsole(browser, server)
    const { page, problems } = visit
    await using client = await server.raw({ path: `/app/${key}?protocol=7` })
    await visit.open('apps/last-app/settings')
    await press(page, 'Disable')
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
    expect((await client.closing()).code).toBe(4003)
    await press(page, 'Enable')
    await page.getByRole('heading', { name: 'Disable the app' }).waitFor()
    expect((await appOf(server, 'last-app')).active).toBe(true)

    await press(page, 'Delete')
    const dialog = page.getByRole('dialog')
    const last = dialog.getByRole('button', { name: 'Delete for good' })
    await dialog.getByLabel('To go on, type its name: last app').fill('last ap')
    expect(await last.isDisabled()).toBe(true)
    await dialog.getByLabel('To go on, type its name: last app').fill('last app')
    await last.click()
    await page.getByRole('heading', { name: 'Apps', exact: true }).waitFor()
    await page.getByText('test-app').first().waitFor()
    expect(await page.getByText('last-app').count()).toBe(0)
    expect(problems).toEqual([])

    await visit.open('apps/test-app/settings') // from the development defaults
    await page.getByText('This app comes from the development defaults').waitFor()
    expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0)
    await visit.open('apps/test-app/keys')
    expect(await page.getByRole('button', { name: 'Add a pair' }).count()).toBe(0)
  })

  test('a token that reads sees no secret and no button; one that creates sees its apps', async () => {
    const server = serverOf()
    const made = await makeToken(server, { name: 'maker', scope: 'create' })
    await create(server, { name: 'of the admin' })
    const reader = await makeToken(server, { name: 'reader', scope: 'read' })
    const { secret } = await appOf(server, 'of-the-admin')
    await using reading = await visitConsole(browser, server, { token: reader.token })
    await reading.open('apps')
    await reading.page.getByText('of the admin').waitFor()
    expect(await reading.page.getByRole('button', { name: 'New app' }).count()).toBe(0)
    for (const page of ['connect', 'settings', 'keys']) {
      await reading.open(`apps/of-the-admin/${page}`)
      expect(await reading.page.content()).not.toContain(secret)
      for (const name of ['Save', 'Disable', 'Delete', 'Add a pair', 'Send my-event'])
        expect(await reading.page.getByRole('button', { name }).count()).toBe(0)
    }
    await reading.open('apps/of-the-admin/settings')
    expect(await reading.page.getByLabel('Name').isDisabled()).toBe(true)
    expect(await reading.page.getByRole('button', { name: /^Add/ }).count()).toBe(0)

    await using making = await visitConsole(browser, server, { token: made.token })
    await making.open('apps')
    await making.page.getByText('There is no app yet').waitFor()
    await making.page.getByRole('button', { name: 'New app' }).first().click()
    await making.page.getByLabel('Name').fill('of the token')
    await press(making.page, 'Create')
    await making.page.getByText('Waiting for the first connection').waitFor()
    await making.open('apps')
    await making.page.getByText('of the token').waitFor()
    expect(await making.page.getByText('of the admin').count()).toBe(0)
    expect([...reading.refused, ...making.refused]).toEqual([])
    await making.open('apps/of-the-admin/live')
    await making.page.getByText('There is no such thing, or it is not for you').waitFor()
    expect([...reading.problems, ...making.problems]).toEqual([])
  })

  test('where admins have an address of their own, and below a prefix, snippets name that of clients', async () => {
    const adminListen = { host: '127.0.0.1', port: 0 }
    await using server = await start({ config: { adminListen, pathPrefix: '/ws' } })
    await using visit = await visitConsole(browser, server)
    const { page, problems, refused } = visit
    await visit.open('apps/test-app/connect?with=pusher-js')
    const text = await page.locator('.snippet pre').last().innerText()
    expect(text).toContain(`wsPort: ${server.port},`)
    expect(text).toContain("wsPath: '/ws',")
    await using client = await server.raw({ path: '/ws/app/test-app-fake-key?protocol=7' })
    await client.subscribed('my-channel')
    await press(page, 'Send my-event')
    expect((await client.nextJson()).event).toBe('my-event')
    expect([problems, refused]).toEqual([[], []])
  })

  test('a list of apps is searched as one types', async () => {
    const server = serverOf()
    for (let n = 0; n < 30; n++) await create(server, { name: `shop number ${n}` })
    await change(server, 'shop-number-7', { active: false })
    await using visit = await visitConsole(browser, server)
    await visit.open('apps')
    await visit.page.getByLabel('Search apps').fill('number-7')
    const rows = visit.page.getByRole('row')
    await rows.filter({ hasText: 'disabled' }).waitFor()
    expect(await rows.count()).toBe(2) // one is the head
    await visit.page.getByLabel('Search apps').fill('nothing')
    await press(visit.page, 'Show all')
    await visit.page.getByText('shop number 3', { exact: true }).waitFor()
  })
})

/** Live streams write each tenth of a second, of a clock that is moved by hand. */
function tick(server: TestServer) {
  const ticks = setInterval(() => server.advance(100), 20)
  return { [Symbol.dispose]: () => clearInterval(ticks) }
}

/** A file opened by a double click. The library's file stands in for what its maker serves: no other host is asked. */
async function openFile(browser: Pages, download: Download) {
  const page = await browser.newPage()
  await page.route('https://js.pusher.com/**', (route) => route.fulfill({ path: PUSHER_JS }))
  const folder = await mkdtemp(join(tmpdir(), 'connect-'))
  const file = join(folder, download.suggestedFilename())
  await download.saveAs(file)
  await page.goto(`file://${file}`)
  const close = async (): Promise<void> => {
    await page.close()
    await rm(folder, { recursive: true })
  }
  return { page, [Symbol.asyncDispose]: close }
}
