/** Every page of PAGES: by everybody, on every screen, whatever others have put into it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { describePages } from '../browser'
import { findFlaws, tabThrough } from './axe'
import { evil, startHostile, type HostileServer } from './hostile'
import { PATHS, placeOf } from './paths'
import { PHONE, visitConsole, WIDE, type ConsoleVisit } from './visit'

/** What the parameters of paths are on the server of this file. */
const parametersOf = ({ socketId }: HostileServer) => ({
  slug: 'test-app',
  channel: 'presence-room',
  socketId,
})

/** The texts of others that a page shows, each by where it was put; it must not be less than that. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  apps: ['app'],
  overview: ['app'],
  tokens: ['token'],
  sessions: ['token', 'browser'],
  audit: ['token'],
  plugins: ['counter', 'label'],
  'apps/:slug/people/channels/:channel': ['user'],
  'apps/:slug/people/connections': ['user'],
  'apps/:slug/people/connections/:socketId': ['user', 'user agent'],
  'apps/:slug/people/users': ['user'],
  'apps/:slug/live': ['event', 'client event', 'refusal', 'channel'],
}

/** Buttons that open a dialog. */
const DIALOGS: Readonly<Record<string, string>> = {
  apps: 'New app',
  tokens: 'New token',
  'apps/:slug/people/connections/:socketId': 'End the connection',
  'apps/:slug/settings': 'Disable',
}

/** As narrow as a small phone, and as a page is at four times its size (WCAG 1.4.10). */
const NARROW = { width: 320, height: 640 }
const LARGE = { width: 2560, height: 1440 }

describePages('every page of the console', (browser) => {
  let hostile: HostileServer
  let visit: ConsoleVisit
  beforeAll(async () => {
    hostile = await startHostile()
    visit = await visitConsole(browser, hostile.server)
  })
  afterAll(async () => {
    await visit[Symbol.asyncDispose]()
    await hostile[Symbol.asyncDispose]()
  })

  test('is in the table', () => {
    expect(PATHS).toContain('apps')
    expect(Object.keys(SHOWN).filter((path) => !PATHS.includes(path))).toEqual([])
  })

  test.each(PATHS)(
    '/%s shows texts as texts, fits all screens, and is for everybody',
    async (path) => {
      const { page } = visit
      await page.setViewportSize(WIDE)
      await page.emulateMedia({ colorScheme: 'light' })
      await visit.open(placeOf(path, parametersOf(hostile)))
      for (const where of SHOWN[path] ?? []) await waitForText(visit, hostile, evil(where))
      await page.evaluate(OPEN_ALL)
      expect(await page.locator(FOREIGN).count()).toBe(0)

      await lookAt(page)
      const opener = DIALOGS[path]
      if (opener !== undefined) await lookAtDialog(page, opener)

      expect(visit.problems.splice(0)).toEqual([])
      expect(visit.refused.splice(0)).toEqual([])
      expect([...visit.hosts]).toEqual([`127.0.0.1:${hostile.server.port}`])
    },
  )

  test('the sign-in is for everybody, too', async () => {
    await using stranger = await visitConsole(browser, hostile.server, { isSignedOut: true })
    await stranger.open('')
    await stranger.page.getByLabel('Password or token').waitFor()
    await lookAt(stranger.page)
    expect(stranger.problems).toEqual([])
  })
})

/** On all screens, light and dark; by keyboard on the one that is there. */
async function lookAt(page: Page): Promise<void> {
  expect(await findFlaws(page)).toEqual([])
  const { steps, unseen } = await tabThrough(page)
  expect(unseen).toEqual([])
  expect(steps).toBeGreaterThan(1)

  await page.emulateMedia({ colorScheme: 'dark' })
  expect(await findFlaws(page, ['color-contrast'])).toEqual([])
  await page.setViewportSize(PHONE)
  expect(await findFlaws(page)).toEqual([])
  for (const screen of [LARGE, PHONE, NARROW]) {
    await page.setViewportSize(screen)
    const wide = await page.evaluate<readonly string[]>(FIND_WIDE)
    expect({ screen, wide }).toEqual({ screen, wide: [] })
  }
}

/** The focus goes into it, and back to its button when Escape has closed it. */
async function lookAtDialog(page: Page, name: string): Promise<void> {
  const opener = page.getByRole('button', { name, exact: true })
  await opener.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true)
  expect(await findFlaws(page)).toEqual([])
  expect(await page.evaluate<readonly string[]>(FIND_WIDE)).toEqual([])
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true)
}

/** Streams show what happens from when they have begun. */
async function waitForText(
  { page }: ConsoleVisit,
  { stir }: HostileServer,
  text: string,
): Promise<void> {
  const shown = page.getByText(text).first()
  for (let left = 20; left > 0; left--) {
    await stir()
    const isThere = await shown.waitFor({ timeout: 1000 }).then(
      () => true,
      () => false, // not yet
    )
    if (isThere) return
  }
  throw new Error(`The page does not show ${text}`)
}

/** Opens whatever is folded. */
const OPEN_ALL = `for (const each of document.querySelectorAll('main details')) each.open = true`

/** What no page of ours has, and what a text would be, were it HTML. */
const FOREIGN = 'body :is(img, script, iframe, object, embed, [onerror], [onclick], [style*="url"])'

/** Whatever makes the page wider than its window: nothing may have to be scrolled sideways but boxes that scroll. */
const FIND_WIDE = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement
  if (scrollWidth <= clientWidth) return []
  const wide = [...document.querySelectorAll('body *')].filter(
    (each) => each.getBoundingClientRect().right > clientWidth + 1,
  )
  return [scrollWidth + ' px', ...wide.slice(0, 5).map((each) => each.outerHTML.slice(0, 120))]
})()`
