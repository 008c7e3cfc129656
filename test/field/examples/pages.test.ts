/** The examples with pages, as their READMEs say, each in one browser for all: laravel-echo. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { start, type TestServer } from '../../harness'
import { describePages, type Pages } from '../browser'
import { findFlaws } from '../console/axe'
import type { LineReader } from '../commands'
import { Cable } from './cable'
import { openExample, pickPort, type Example } from './example'

const PHONE = { width: 390, height: 844 }
const HOSTILE = '<img src=x onerror="document.title=1">'

let server: TestServer
let cable: Cable
/** Where pages find the server. */
let cablePort: number

type Opened = { readonly page: Page; readonly problems: string[] }

/** Opens a page, and collects what breaks on it; a connection that is refused while there is no server is none. */
async function open(browser: Pages, url: string, options: object = {}): Promise<Opened> {
  const page = await browser.newPage(options)
  const problems: string[] = []
  page.on('pageerror', ({ message }) => problems.push(message))
  page.on('console', (line) => {
    if (line.type() === 'error' && !/WebSocket connection|Failed to load/.test(line.text()))
      problems.push(line.text())
  })
  await page.goto(url)
  return { page, problems }
}

/** The texts of a list, from the first. */
const textsOf = (page: Page, list: string): Promise<string[]> =>
  page.locator(`${list} > li`).allInnerTexts()

const widthOf = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth')

describePages('examples with pages', (browser) => {
  beforeAll(async () => {
    server = await start()
    cable = new Cable(server.port)
    cablePort = await cable.listen()
  })
  afterAll(async () => {
    cable[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  test('laravel-echo: events, notifications, who is here, whispers, and the way back', async () => {
    const port = pickPort()
    using example: Example = openExample('laravel-echo', { 6001: cablePort, 8000: port })
    expect(
      example.blocks.filter(({ language }) => language === 'sh').map(({ code }) => code),
    ).toEqual(['npm install\n', 'node server.mjs\n'])
    await using site: LineReader = example.start('node server.mjs')
    const [line = ''] = await site.next()
    const url = line.replace('Open ', '')
    expect(url).toBe(`http://127.0.0.1:${port}/?as=1`)

    // Ann, alone.
    const { page: ann, problems } = await open(browser, url)
    await ann.getByText('Connected', { exact: true }).waitFor()
    await ann.locator('#here li').waitFor()
    expect(await textsOf(ann, '#here')).toEqual(['Ann you'])
    expect(await ann.getByText('Nothing has been shipped yet.').isVisible()).toBe(true)

    // Ben comes, as the link says; his phone is dark.
    const href = await ann.getByRole('link', { name: 'Open as Ben' }).getAttribute('href')
    const asBen = new URL(href!, url).href
    const look = { viewport: PHONE, colorScheme: 'dark' }
    const { page: ben, problems: bensProblems } = await open(browser, asBen, look)
    await ben.locator('#here li').nth(1).waitFor()
    await ann.locator('#here li').filter({ hasText: 'Ben' }).waitFor()

    // Ann ships: both see it, once; she alone is notified.
    await ann.getByLabel('Item').fill(HOSTILE)
    await ann.getByRole('button', { name: 'Ship it' }).click()
    await ann.locator('#notifications li').waitFor()
    for (const page of [ann, ben]) await page.getByText('order 1, by Ann').waitFor()
    expect(await textsOf(ann, '#notifications')).toEqual([`${HOSTILE} is on its way\norder 1`])
    for (const page of [ann, ben])
      expect(await textsOf(page, '#orders')).toEqual([`${HOSTILE}\norder 1, by Ann`])
    expect(await textsOf(ben, '#notifications')).toEqual([])

    // Ben types, and says it.
    await ben.getByLabel('Question').pressSequentially('Where?')
    await ann.getByText('Ben is typing …').waitFor()
    await ben.getByRole('button', { name: 'Whisper it' }).click()
    await ann.getByText('Where?').waitFor()
    expect(await textsOf(ann, '#whispers')).toEqual(['Where?\nBen'])
    expect(await ann.locator('#typing').innerText()).toBe('')
    for (const page of [ann, ben]) expect(await findFlaws(page)).toEqual([])
    expect(await widthOf(ben)).toBe(PHONE.width)

    // Both come back by themselves, and hear again.
    cable.pull()
    await ann.getByRole('button', { name: 'Ship it', disabled: true }).waitFor()
    cable.plugIn()
    await ann.locator('[data-state="connected"] #here li').nth(1).waitFor()
    await ben.locator('[data-state="connected"] #here li').nth(1).waitFor()
    await ben.getByLabel('Item').fill('A lamp')
    await ben.getByRole('button', { name: 'Ship it' }).click()
    await ann.getByText('order 2, by Ben').waitFor()

    await ben.close()
    await ann.locator('#here li').nth(1).waitFor({ state: 'detached' })
    expect(await textsOf(ann, '#here')).toEqual(['Ann you'])

    // Ann's notifications are not for Ben.
    const refused = await fetch(`http://127.0.0.1:${port}/broadcasting/auth`, {
      method: 'POST',
      headers: { authorization: 'Bearer 2' },
      body: new URLSearchParams({ socket_id: '1.2', channel_name: 'private-App.Models.User.1' }),
    })
    expect(refused.status).toBe(403)
    expect([...problems, ...bensProblems]).toEqual([])
    await ann.close()
  })
})
