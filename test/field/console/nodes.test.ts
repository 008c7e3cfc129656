/** The page Overview of one of several nodes: the numbers of all, and what each has of them. */
import { expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { describePages } from '../browser'
import { startPair } from '../cluster/pair'
import { describeWith } from '../programs'
import { PHONE, visitConsole, WIDE } from './visit'

const fact = (page: Page, title: string) => page.locator('.facts div', { hasText: title })

/** As a page that is looked at again: it asks at once. */
const refresh = (page: Page): Promise<void> =>
  page.evaluate<void>('document.dispatchEvent(new Event("visibilitychange"))')

describeWith('redis-server', 'of two nodes', () => {
  describePages('the page Overview', (browser) => {
    test('shows what both have, and which of them what', async () => {
      await using pair = await startPair()
      await using ann = await pair.one.raw()
      await using bob = await pair.two.raw()
      for (const client of [ann, bob]) await client.subscribed('room')
      for (const viewport of [WIDE, PHONE]) {
        await using visit = await visitConsole(browser, pair.one, { viewport })
        const { page } = visit
        await visit.open('overview')
        const split = page.getByRole('region', { name: 'By node' })
        await split.waitFor()
        for (const row of [1, 2])
          await split.getByRole('row').nth(row).getByRole('cell', { name: '1' }).first().waitFor()
        await refresh(page)
        await fact(page, 'Connections').getByText('2', { exact: true }).waitFor()
        await page.getByText('are those of all 2 nodes').waitFor()
        const nodes = page.getByRole('region', { name: 'Nodes' })
        expect(await nodes.getByText(/plots/i).count()).toBe(0)
        await visit.open('apps/test-app')
        await split.waitFor()
        await fact(page, 'Subscriptions').getByText('2', { exact: true }).waitFor()
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(
          viewport.width,
        )
        expect([visit.problems, visit.refused]).toEqual([[], []])
      }
      await pair.proxy.cut()
      await using visit = await visitConsole(browser, pair.two)
      await visit.open('overview')
      const split = visit.page.getByRole('region', { name: 'By node' })
      await split.getByText(/not known, heard of .* ago/).waitFor()
      await split.getByText(/The numbers above are the sum, without /).waitFor()
      const nodes = visit.page.getByRole('region', { name: 'Nodes' })
      await nodes.getByText('unknown', { exact: true }).waitFor()
      await nodes.getByText(/, not heard of for /).waitFor()
      await fact(visit.page, 'Connections').getByText('1', { exact: true }).waitFor()
    })
  })
})
