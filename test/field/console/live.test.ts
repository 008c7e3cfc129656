/** The page Live: what happens is seen, filtered, held, opened and explained; a cut is survived. */
import { expect, test } from 'bun:test'
import type { Locator } from 'playwright-core'
import type { ChannelName } from '../../../src/core/types'
import { start, type TestServer } from '../../harness'
import { makeToken } from '../../tokens'
import { describePages } from '../browser'
import { execute } from '../commands'
import { findFlaws } from './axe'
import { openLive } from './live-page'

const HOSTILE = '<img src=x onerror="window.harmed=1">'

/** Pastes the command lines of an open row into a shell: the event arrives as it was, and the stream is there. */
async function runCommands(server: TestServer, detail: Locator, data: string): Promise<void> {
  const texts = await detail.locator('section pre').allTextContents()
  const [send = '', watch = ''] = texts.filter((text) => text.startsWith('curl'))
  await using client = await server.raw()
  await client.subscribed('orders')
  const { token } = await makeToken(server, { name: 'watcher', scope: 'read' })
  const variables = { PUSHER_APP_SECRET: server.app.secret, CARILLON_TOKEN: token }
  const run = (line: string) =>
    execute(['sh', '-c', line], { cwd: '/tmp', timeoutMs: 10_000, variables })
  await run(send)
  const event = await client.nextJson()
  expect(event).toMatchObject({ event: "order's", channel: 'orders' })
  expect(JSON.parse(String(event.data))).toEqual(JSON.parse(data))
  expect(await run(`${watch.replace(/'$/, "&limit=0'")}`)).toContain('event: hello')
}

/** A subscription that was signed with another secret. */
async function beRefused(server: TestServer): Promise<string> {
  await using client = await server.raw()
  client.subscribe('private-orders', `${server.app.key}:${'ab'.repeat(32)}`)
  await client.next('the refusal')
  return client.socketId
}

describePages('the page Live', (browser) => {
  test('shows what happens, opens it, explains a refusal, by keyboard alone', async () => {
    await using server = await start()
    await using visit = await openLive(browser, server)
    const { page, rows, detail } = visit
    await page.getByText('Nothing since this page was opened').waitFor()

    const socketId = await beRefused(server)
    await server.trigger({ channel: 'orders', name: HOSTILE, data: `{"a":"${'x'.repeat(5)}"}` })
    await rows.filter({ hasText: HOSTILE }).waitFor()
    await rows.filter({ hasText: /\dConnected/ }).waitFor()
    expect(await page.evaluate(() => 'harmed' in globalThis)).toBe(false)

    await page.keyboard.press('j') // leads into the list, whose first row is the newest
    await page.keyboard.press('Enter')
    expect(await detail.locator('pre').first().textContent()).toBe('{\n  "a": "xxxxx"\n}')
    while (!(await detail.getByText('auth_signature_invalid').first().isVisible()))
      await page.keyboard.press('j')
    const why = detail.locator('.why')
    await why.getByText('The secret is another one, or another text was signed.').waitFor()
    expect(await why.locator('pre').allTextContents()).toEqual([
      `${socketId}:private-orders`,
      'ab'.repeat(32),
    ])
    expect(await findFlaws(page)).toEqual([])
    await page.keyboard.press('Escape')
    await detail.waitFor({ state: 'detached' })
    await page.keyboard.press('Space')

    const data = `{"it's":"$HOME \`id\` \\"x\\""}`
    await server.trigger({ channel: 'orders', name: "order's", data })
    await rows.filter({ hasText: "order's" }).click()
    await runCommands(server, detail, data)
    await detail.getByText('Change it and send it').click()
    expect(await page.getByRole('textbox', { name: 'Event' }).inputValue()).toBe("order's")
    expect(visit.problems).toEqual([])
  })

  test('Space holds the rows; kinds, channels and texts choose them, and the address has the choice', async () => {
    await using server = await start()
    await using visit = await openLive(browser, server, '?kinds=published')
    const { page, rows } = visit
    await server.trigger({ channel: 'orders', name: 'before', data: '1' })
    await rows.filter({ hasText: 'before' }).waitFor()
    await page.keyboard.press('Space')
    await page.getByRole('button', { name: 'Resume', pressed: true }).waitFor()
    for (const name of ['a', 'b', 'c']) await server.trigger({ channel: 'orders', name, data: '1' })
    await page.getByRole('button', { name: '3 new rows' }).waitFor()
    expect(await rows.count()).toBe(1)
    await page.keyboard.press('Space')
    await rows.nth(3).waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('Nothing of this kind yet').waitFor()

    await page.getByRole('button', { name: 'Refusals', exact: true }).click()
    await page.waitForURL(/kinds=published%2Crefused%2Cunknown_app/)
    const refusals = rows.filter({ hasText: 'Refused' })
    while ((await refusals.count()) === 0) await beRefused(server) // until the stream has the other kinds
    await server.trigger({ channel: 'orders', name: 'order.created', data: '"needle"' })
    await page.getByLabel('Text in a row').fill('NEEDLE')
    await rows.filter({ hasText: 'order.created' }).waitFor()
    await refusals.first().waitFor({ state: 'detached' })
    await page.getByLabel('Channels that begin with').fill('elsewhere')
    await page.getByRole('button', { name: 'Show all' }).click()
    await refusals.first().waitFor()
    await page.waitForURL(/\/live$/)
  })

  test('a cut is shown and survived, and what was missed is there', async () => {
    await using server = await start()
    await using visit = await openLive(browser, server)
    const { page, rows, cut } = visit
    cut()
    await page.getByText('Cut off, coming back').waitFor()
    await server.trigger({ channel: 'orders', name: 'meanwhile', data: '1' })
    await page.getByText('nothing was missed').waitFor()
    await rows.filter({ hasText: 'meanwhile' }).waitFor()
  })

  test('a burst moves nothing, and what is not shown is counted', async () => {
    await using server = await start()
    await using visit = await openLive(browser, server, '', { width: 390, height: 844 })
    const { page, rows } = visit
    const place = async () => page.locator('.live-list').boundingBox()
    const before = await place()
    const app = server.core.apps.byId('1')!
    const about = { type: 'published', app, channel: 'orders' as ChannelName } as const
    const how = { origin: 'backend', api: 'pusher', socketId: undefined } as const
    for (let n = 0; n < 10_000; n++) {
      const data = `"${n}"` as never
      server.core.facts.emit({ ...about, ...how, event: `e${n}`, data })
      if (n % 1000 === 0) await rows.first().waitFor()
    }
    await page.getByText(/not shown: busy/).waitFor()
    expect(await place()).toEqual(before)
    expect(await rows.count()).toBeLessThan(60)
    const isWide = await page.evaluate(() => document.body.scrollWidth > innerWidth)
    expect(isWide).toBe(false)
  })
})
