/** The page Overview: problems, plots that are zoomed together, apps; a server that goes away. */
import { expect, test } from 'bun:test'
import type { Locator, Page } from 'playwright-core'
import { start, type TestServer } from '../../harness'
import { pretendNodes } from '../../other-nodes'
import { makeToken } from '../../tokens'
import { describePages } from '../browser'
import { visitConsole } from './visit'

const MINUTE_MS = 60_000

/** Half an hour in which more and more connect. */
async function startBusy(): Promise<TestServer> {
  const server = await start({ now: Date.now() - 31 * MINUTE_MS })
  server.addTenant().counters.publications += 7
  const app = server.core.apps.byId('1')!
  for (let step = 0; step < 180; step++) {
    app.gauges.connections = step
    app.counters.publications += 20
    server.advance(10_000)
  }
  return server
}

const plotOf = (page: Page, title: string): Locator =>
  page.getByRole('region', { name: title, exact: true })

/** The last value of the first line, from the table for screen readers. */
const lastOf = (page: Page, title: string): Locator =>
  plotOf(page, title).getByRole('row').nth(1).getByRole('cell').first()

/** A place in the plot, in parts of its width. */
async function placeIn(plot: Locator, part: number): Promise<readonly [x: number, y: number]> {
  const box = (await plot.locator('.u-over').boundingBox())!
  return [box.x + part * box.width, box.y + box.height / 2]
}

/** The minute of a time of day, or one so many minutes later. */
const minuteOf = (time: string, later: number): string =>
  new Date(Date.parse(`1970-01-01T${time}Z`) + later * 60_000).toISOString().slice(11, 16)

/** As a page that is looked at again: it asks at once. */
const refresh = (page: Page): Promise<void> =>
  page.evaluate<void>('document.dispatchEvent(new Event("visibilitychange"))')

describePages('the page Overview', (browser) => {
  test('shows what is wrong, plots with one cursor and one zoom, apps with their pages', async () => {
    await using server = await startBusy()
    await using visit = await visitConsole(browser, server)
    const { page } = visit
    await visit.open('overview')
    await page.getByText('All is well').waitFor()
    await page.getByText('Name a file in DATABASE_PATH.').waitFor()
    const plots = page.locator('.plot')
    await plots.nth(7).locator('canvas').waitFor()
    expect(await plots.count()).toBe(8)
    expect(await lastOf(page, 'Connections').textContent()).toBe('179')
    expect(await lastOf(page, 'Events in').textContent()).toBe('2 /s')

    const [first, other] = [plotOf(page, 'Connections'), plotOf(page, 'Memory')]
    await first.scrollIntoViewIfNeeded()
    await page.mouse.move(...(await placeIn(first, 0.75)))
    await other
      .locator('.plot-time')
      .filter({ hasText: /^\d\d:\d\d:\d\d$/ })
      .waitFor()
    const times = await page.locator('.plot-time').allTextContents()
    expect(new Set(times).size).toBe(1)
    const number = first.locator('.plot-legend b')
    expect(Number(await number.textContent())).toBeWithin(70, 110) // halfway of the half hour

    await page.mouse.down()
    await page.mouse.move(...(await placeIn(first, 0.95)), { steps: 4 })
    await page.mouse.up()
    const all = page.getByRole('button', { name: 'Show all' })
    await all.waitFor()
    await page.mouse.move(...(await placeIn(first, 0.02)))
    await other
      .locator('.plot-time')
      .filter({ hasText: new RegExp(`^(${[0, 1].map((n) => minuteOf(times[0]!, n)).join('|')})`) })
      .waitFor()
    await page.mouse.dblclick(...(await placeIn(first, 0.5)))
    await all.waitFor({ state: 'detached' })

    await page.getByRole('link', { name: 'Test App' }).click()
    await page.getByRole('heading', { name: 'Test App' }).waitFor()
    expect(await lastOf(page, 'Connections').textContent()).toBe('179')
    expect(await plots.count()).toBe(6)
    expect([visit.problems, visit.refused]).toEqual([[], []])
  })

  test('goes on with what is new, says when the server has gone, and shows a token its app', async () => {
    const server = await startBusy()
    await using visit = await visitConsole(browser, server)
    const { page } = visit
    await visit.open('overview?range=day')
    expect(Number(await lastOf(page, 'Connections').textContent())).toBeWithin(170, 179) // the last minute that is over
    await page.getByRole('link', { name: 'Hour' }).click()
    await lastOf(page, 'Connections').filter({ hasText: '179' }).waitFor()
    server.core.apps.byId('1')!.gauges.connections = 200
    server.advance(10_000)
    await refresh(page)
    await lastOf(page, 'Connections').filter({ hasText: '200' }).waitFor()

    const { token } = await makeToken(server, { name: 'one', scope: 'app:other' })
    await using own = await visitConsole(browser, server, { token })
    await own.open('overview')
    await own.page.getByRole('link', { name: 'other' }).waitFor()
    expect(await own.page.getByText('Test App').count()).toBe(0)
    expect(await own.page.locator('.plot').count()).toBe(0)
    expect([own.problems, own.refused]).toEqual([[], []])

    await server.stop()
    await refresh(page)
    await page.getByText(/The server cannot be reached.*what was there at/).waitFor()
    expect(await page.locator('.stale').count()).toBe(1)
    expect(await lastOf(page, 'Connections').textContent()).toBe('200')
  })

  test('says how statistics are turned on, and leads to what mends a problem', async () => {
    const limits = { maxConnectionsPerApp: 1 }
    await using server = await start({ config: { statisticsMaxRows: 0 }, limits })
    server.core.apps.byId('1')!.gauges.connections = 1
    server.advance(MINUTE_MS)
    await using visit = await visitConsole(browser, server)
    await visit.open('overview')
    await visit.page.getByRole('heading', { name: 'Statistics are off' }).waitFor()
    const advice = visit.page.getByText('CARILLON_STATISTICS_MAX_ROWS', { exact: true })
    expect(await advice.count()).toBe(1)
    expect(await visit.page.getByRole('region', { name: 'Nodes' }).count()).toBe(0)
    pretendNodes(server, { lagMs: 0.41 }, { name: 'push-2', connections: 12_345 })
    await refresh(visit.page)
    await visit.page.getByRole('row', { name: /^push-2 .* ready 12,345 1 ms/ }).waitFor()
    await visit.page.getByRole('link', { name: 'Limits' }).click() // of the app that is full
    await visit.page.getByRole('heading', { name: 'Settings' }).waitFor()
  })
})
