/**
 * A tour through many operations of the page at `/swagger`. What is clicked is clicked by the page itself: for a click
 * of the mouse the browser waits until nothing moves, which takes longer than all the rest.
 */
import { expect } from 'bun:test'
import type { Locator, Page } from 'playwright-core'
import { openOperation, type Visit } from './swagger-page'

type Screen = { readonly width: number; readonly height: number }

/** What an open operation fits: a phone, and a laptop. */
const SCREENS: readonly Screen[] = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
]

/** The operations by the names that the page has for them, such as `admin-listApps`, in its order. */
export async function listOperations(page: Page): Promise<readonly string[]> {
  const blocks = page.locator('.opblock')
  await blocks.first().waitFor()
  const ids = await blocks.evaluateAll((all) => all.map(({ id }) => id))
  return ids.map((id) => id.replace('operations-', ''))
}

/** Tries an operation as the page fills it in: it fits each screen, and succeeds. `type` is that of the body's form. */
export async function tryOut(visit: Visit, operation: string, type?: string): Promise<void> {
  const { page, problems } = visit
  const block = await openOperation(page, operation)
  if (type !== undefined) await block.locator('.body-param-content-type select').selectOption(type)
  for (const screen of screensFrom(page.viewportSize()!))
    expect({ operation, type, screen, missing: await countMissing(page, block, screen) }).toEqual({
      operation,
      type,
      screen,
      missing: 0,
    })
  await block.locator('.execute').evaluate((button: HTMLButtonElement) => button.click())
  const answer = block.locator('.live-responses-table tbody')
  const status = (await answer.locator('.response-col_status').innerText()).trim()
  const refusal = /^2\d\d$/.test(status) ? undefined : await answer.innerText()
  expect({ operation, type, status, refusal, problems }).toEqual({
    operation,
    type,
    status: expect.any(String),
    refusal: undefined,
    problems: [],
  })
}

/** The size that the page has already is the first: it changes once for each operation. */
const screensFrom = ({ width }: Screen): readonly Screen[] =>
  width === SCREENS[0]!.width ? SCREENS : SCREENS.toReversed()

/** How many pixels a screen lacks for an open operation, below the bar where that stays. */
async function countMissing(page: Page, block: Locator, screen: Screen): Promise<number> {
  await page.setViewportSize(screen)
  const taken = await block.evaluate((element) => {
    const bar = document.querySelector('header')!
    const covered = getComputedStyle(bar).position === 'sticky' ? bar.clientHeight : 0
    return covered + element.getBoundingClientRect().height
  })
  return Math.max(0, taken - screen.height)
}
