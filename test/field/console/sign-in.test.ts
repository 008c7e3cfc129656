/** Signing in to the console, being refused, and going on after the session has ended. */
import { expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { start, type TestServer } from '../../harness'
import { makeToken } from '../../tokens'
import { describePages } from '../browser'
import { findFlaws } from './axe'
import { PHONE, visitConsole, WIDE } from './visit'

const OWN = { adminUsername: 'somebody', adminPassword: 'a-password' }

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

async function fill(page: Page, user: string, secret: string): Promise<void> {
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password or token').fill(secret)
  await button(page, 'Sign in').click()
}

const endAll = ({ server: { sessions } }: TestServer): void => {
  for (const session of sessions.live().toArray()) sessions.end(session)
}

describePages('signing in', (browser) => {
  test('is one click on this machine while one develops; with a token one sees what it may', async () => {
    await using server = await start()
    const { token } = await makeToken(server, { name: 'ci', scope: 'app:test-app' })
    await using visit = await visitConsole(browser, server, { isSignedOut: true })
    const { page } = visit
    await visit.open('apps')
    expect(await page.title()).toBe('Sign in · Carillon')
    await button(page, 'Enter as pusher_admin_username').waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toStartWith('Enter as')
    for (const viewport of [PHONE, WIDE]) {
      await page.setViewportSize(viewport)
      expect(await findFlaws(page)).toEqual([])
    }
    await button(page, 'Enter as pusher_admin_username').click()
    await button(page, 'New app').waitFor()
    expect(await page.evaluate('document.cookie')).toBe('')
    await button(page, 'Sign out').click()

    await fill(page, 'nobody', 'x')
    await page.getByText('The user or the password is wrong').waitFor()
    await fill(page, '', 'carillon_x')
    await page.getByText('The token is not one of Carillon, or has a typo').waitFor()
    await fill(page, '', token)
    await page.getByTitle('Token, scope app:1').waitFor()
    await page.getByRole('link', { name: 'Test App' }).waitFor()
    expect(await button(page, 'New app').count()).toBe(0)
    expect(visit.problems).toEqual([])
  })

  test('is good below the path prefix, for the API of an app, too, where admins have their own address', async () => {
    const pathPrefix = '/realtime'
    await using server = await start({ config: { pathPrefix } })
    const adminListen = { host: '127.0.0.1', port: 0 }
    await using split = await start({ config: { pathPrefix, adminListen } })
    const root = `http://127.0.0.1:${server.port}`
    const { adminAddress } = split.server
    const own = adminAddress && 'port' in adminAddress ? adminAddress.port : 0
    for (const at of [`${root}/realtime`, root, `http://127.0.0.1:${own}`]) {
      const page = await browser.newPage()
      await page.goto(`${at}/console#/apps/test-app/connect`)
      const counted = page.waitForResponse(/\/realtime\/apps\/1\/connections/)
      await button(page, 'Enter as pusher_admin_username').click()
      expect([at, (await counted).status()]).toEqual([at, 200])
      await button(page, 'Sign out').click()
      await button(page, 'Enter as pusher_admin_username').waitFor()
      await page.close()
    }
  })

  test('says how long to wait after wrong passwords, and where the server is gone', async () => {
    await using server = await start({ config: { ...OWN, maxFailedLoginsPerMinute: 1 } })
    await using visit = await visitConsole(browser, server, { isSignedOut: true })
    const { page } = visit
    await visit.open('apps')
    expect(await page.getByRole('button').allTextContents()).toEqual(['Sign in'])
    await fill(page, 'somebody', 'x')
    await page.getByText('The user or the password is wrong').waitFor()
    await button(page, 'Sign in').click()
    await page.getByText(/^Too many wrong .* Try again in (1 min|\d+ s)\.$/).waitFor()
    expect(await button(page, 'Sign in').isDisabled()).toBe(true)

    server.advance(120_000)
    await visit.open('apps')
    await server.stop()
    await fill(page, 'somebody', 'a-password')
    await page.getByText('The server cannot be reached: is it running').waitFor()
  })

  test('what one was doing goes on after the session has ended', async () => {
    await using server = await start({ config: OWN })
    await using visit = await visitConsole(browser, server, { isSignedOut: true })
    const { page } = visit
    await visit.open('apps')
    await fill(page, 'somebody', 'a-password')
    await button(page, 'New app').click()
    await page.getByLabel('Name', { exact: true }).fill('made in the middle')
    endAll(server)
    await page.keyboard.press('Enter')
    const again = page.getByRole('dialog', { name: 'Your session has ended' })
    await again.waitFor()
    for (let presses = 0; presses < 3; presses++) await page.keyboard.press('Escape')
    await again.waitFor()
    expect(await findFlaws(page)).toEqual([])
    expect(await again.getByLabel('User').inputValue()).toBe('somebody')
    expect(await page.evaluate('document.activeElement.type')).toBe('password')
    await page.keyboard.type('a-password')
    await page.keyboard.press('Enter')
    await again.waitFor({ state: 'detached' })
    await page.getByText('made in the middle').first().waitFor()
    expect(server.core.apps.bySlug('made-in-the-middle')).toBeDefined()
    expect(visit.problems).toEqual([])
  })

  test('a page that watches is asked for the password where its session ends, and watches on', async () => {
    await using server = await start({ config: OWN })
    await using visit = await visitConsole(browser, server, { isSignedOut: true })
    const { page } = visit
    await visit.open('apps/test-app/live')
    await fill(page, 'somebody', 'a-password')
    const isLive = page.locator('.live-status').getByText('Live', { exact: true })
    await isLive.waitFor()
    endAll(server)
    server.advance(20_000) // a beat, with which the stream asks again whether it may
    const again = page.getByRole('dialog', { name: 'Your session has ended' })
    await again.getByLabel('Password or token').waitFor()
    await page.keyboard.type('a-password')
    await page.keyboard.press('Enter')
    await isLive.waitFor()
    expect(visit.problems).toEqual([])
  })

  test('a page of the same browser that signs in anew is followed', async () => {
    await using server = await start({ config: OWN })
    await using visit = await visitConsole(browser, server, { isSignedOut: true })
    const { page } = visit
    await visit.open('apps')
    await fill(page, 'somebody', 'a-password')
    const opened = page.waitForEvent('popup')
    await page.evaluate('void open(location.href)')
    const other = await opened
    await button(other, 'Sign out').click()
    await fill(other, 'somebody', 'a-password')
    await button(other, 'New app').waitFor()
    await button(page, 'New app').click()
    await page.getByLabel('Name', { exact: true }).fill('with the token of then')
    await page.keyboard.press('Enter')
    await page.getByText('with the token of then').first().waitFor()
    expect(server.server.sessions.size).toBe(1)
  })
})
