/** Tokens, sessions, audit and plugins, used as an operator does. */
import { expect, test } from 'bun:test'
import { guardian } from '../../../plugins/guardian'
import { rateLimit } from '../../../plugins/rate-limit'
import { start } from '../../harness'
import { signIn } from '../../sessions'
import { bearer, makeToken } from '../../tokens'
import { describePages } from '../browser'
import { findFlaws } from './axe'
import { PHONE, visitConsole, type ConsoleVisit } from './visit'

const button = ({ page }: ConsoleVisit, name: string) =>
  page.getByRole('button', { name, exact: true })
const row = ({ page }: ConsoleVisit, text: string) =>
  page.getByRole('row').filter({ hasText: text })
/** What looks right from afar, at the size of a phone, too. */
async function expectFlawless({ page }: ConsoleVisit): Promise<void> {
  const size = page.viewportSize()!
  for (const viewport of [PHONE, size]) {
    await page.setViewportSize(viewport)
    expect(await findFlaws(page)).toEqual([])
  }
}

describePages('who may what, and what they did', (browser) => {
  test('a token is made and shown once, its session ended, and itself revoked', async () => {
    await using server = await start()
    await using visit = await visitConsole(browser, server)
    const { page } = visit
    await visit.open('tokens')
    await page.getByText('There is no token').waitFor()
    await button(visit, 'New token').first().click()
    await page.getByLabel('Name', { exact: true }).fill('pusher_admin_username')
    await page.getByLabel('Read', { exact: false }).check()
    await button(visit, 'Make the token').click()
    await page.getByText('has already been taken').waitFor()
    await expectFlawless(visit)
    await page.getByLabel('Name', { exact: true }).fill('dashboard')
    await button(visit, 'Make the token').click()
    await page.getByText('It is shown this once').waitFor()
    await expectFlawless(visit)
    const token = (await page.getByLabel('The token', { exact: true }).textContent())!
    expect(token).toMatch(/^carillon_\w{38}$/)
    await button(visit, 'Done').click()
    await row(visit, 'dashboard').getByText('ends in').waitFor()
    expect(await page.content()).not.toContain(token)

    const signedIn = await signIn(server, bearer(token))
    const see = async () =>
      (await server.http('/api/admin/apps', { headers: signedIn.reading })).status
    expect(await see()).toBe(200)
    await visit.open('sessions')
    await row(visit, 'pusher_admin_username').getByText('you').waitFor()
    await button(visit, 'End the session of dashboard').click()
    await expectFlawless(visit)
    await button(visit, 'End the session').click()
    await row(visit, 'dashboard').waitFor({ state: 'detached' })
    expect(await see()).toBe(401)

    await visit.open('tokens')
    await button(visit, 'Revoke dashboard').click()
    await button(visit, 'Revoke').click()
    await page.getByText('Show 1 that has ended').click()
    await row(visit, 'dashboard').getByText('revoked').waitFor()
    const refused = await server.http('/api/admin/apps', { headers: bearer(token) })
    expect(refused.status).toBe(401)

    await visit.open('audit?action=session.ended')
    await row(visit, 'Session ended').getByText('dashboard').waitFor()
    await visit.open('sessions')
    await button(visit, 'Sign out of this one').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
    await button(visit, 'Sign in').waitFor()
    expect(server.server.sessions.size).toBe(0)
    expect(visit.problems).toEqual([])
  })

  test('the audit is filtered, read on as one scrolls, and opened to what was before and after', async () => {
    await using server = await start()
    const change = (path: string, app: object, method = 'PATCH') =>
      server.admin(`/api/admin/apps${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ app }),
      })
    await change('', { name: 'the shop' }, 'POST')
    await change('/the-shop', { history: [{ prefix: 'a', size: 10, ttl_seconds: 60 }] })
    await change('/the-shop', { history: [{ prefix: 'a', size: 25, ttl_seconds: 60 }] })
    for (let n = 0; n < 60; n++)
      for (const client_events of [false, true]) await change('/test-app', { client_events })
    await using visit = await visitConsole(browser, server)
    const { page } = visit
    await visit.open('audit')
    await page.getByText('100 changes so far').waitFor()
    await page.getByRole('rowgroup', { name: 'Changes' }).focus()
    await page.keyboard.press('End')
    await page.getByText('123 changes, which are all').waitFor()

    await page.getByLabel('App', { exact: true }).selectOption('the shop')
    await page.getByText('3 changes, which are all').waitFor()
    await page.getByLabel('What').selectOption('App changed')
    await page.getByText('2 changes, which are all').waitFor()
    expect(page.url()).toMatch(/#\/audit\?.*app=the-shop/)
    await row(visit, 'App changed').first().click()
    const opened = page.getByRole('dialog', { name: 'App changed' })
    expect(await opened.locator('.difference').allTextContents()).toEqual(['history[0].size−10+25'])
    await expectFlawless(visit)
    await page.keyboard.press('Escape')
    const at = `new Date(${server.clock.now()})` // as the browser's time zone has it
    const today = await page.evaluate<string>(`${at}.toLocaleDateString('sv')`)
    await page.getByLabel('Until').fill('2020-02-29')
    await page.getByText('No change is like that').waitFor()
    await page.getByLabel('Until').fill(today)
    await page.getByLabel('From', { exact: true }).fill(today)
    await page.getByText('2 changes, which are all').waitFor()
    await page.reload()
    await page.getByText('2 changes, which are all').waitFor()
    expect(await page.getByLabel('Until').inputValue()).toBe(today)
    await page.getByLabel('Who').fill('nobody')
    await page.keyboard.press('Enter')
    await page.getByText('No change is like that').waitFor()
    await button(visit, 'Show all').last().click()
    await page.getByText('100 changes so far').waitFor()
    expect(visit.problems).toEqual([])
  })

  test('plugins show what they were asked; a token sees no more than it may', async () => {
    const plugins = [guardian(), rateLimit({ triggers: { perSecond: 1 } })]
    await using server = await start({ plugins })
    for (let n = 0; n < 3; n++)
      await server.trigger({ channel: 'a', name: 'b', data: '1' }).catch(() => undefined) // refused
    await using visit = await visitConsole(browser, server)
    await visit.open('plugins')
    const cells = visit.page
      .getByRole('region', { name: 'rate-limit' })
      .getByRole('row')
      .filter({ hasText: /^request/ })
    expect((await cells.innerText()).split('\t').slice(2, 3)).toEqual(['2'])

    const ofApp = await makeToken(server, { name: 'ada', scope: 'app:test-app' })
    await using own = await visitConsole(browser, server, { token: ofApp.token })
    await own.open('sessions')
    await own.page.getByText('Where you are signed in with this token').waitFor()
    expect(await own.page.getByRole('row').count()).toBe(2)
    const links = own.page.getByRole('navigation', { name: 'Server' }).getByRole('link')
    expect(await links.allTextContents()).not.toContain('Tokens')
    await own.open('tokens')
    await own.page.getByText('This is not for you').waitFor()
    await own.open('audit')
    expect(await own.page.getByLabel('App', { exact: true }).count()).toBe(0)
    expect([...visit.problems, ...own.problems]).toEqual([])
    expect([...visit.refused, ...own.refused]).toEqual([])
  })
})
