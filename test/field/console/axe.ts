/** What axe-core and the keyboard find on a page as it is drawn now. */
import { fileURLToPath } from 'node:url'
import type axe from 'axe-core'
import type { Page } from 'playwright-core'

const SOURCE = await Bun.file(fileURLToPath(import.meta.resolve('axe-core/axe.min.js'))).text()

/** Of all findings those that keep somebody from using the page. */
const GRAVE = ['serious', 'critical']

/** Runs all rules, or those that are named; each grave finding as `rule: element`. */
export async function findFlaws(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Evaluated and not added as a script, which the policy of the page forbids.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(SOURCE)
  const only = rules ? { runOnly: { type: 'rule', values: rules } } : {}
  const { violations } = await page.evaluate<axe.AxeResults>(
    `axe.run(document, ${JSON.stringify({ resultTypes: ['violations'], ...only })})`,
  )
  return violations
    .filter(({ impact }) => GRAVE.includes(String(impact)))
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
}

/** Elements whose focus cannot be seen, while Tab goes through all of the page, and how many it went through. */
export async function tabThrough(
  page: Page,
): Promise<{ readonly steps: number; readonly unseen: string[] }> {
  await page.evaluate(
    'document.querySelector(".skip")?.focus(), document.activeElement?.blur(), scrollTo(0, 0)',
  )
  const unseen: string[] = []
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    await page.keyboard.press('Tab')
    const found = await page.evaluate<Focus>(LOOK)
    if (found.isEnd) return { steps, unseen }
    if (!found.isSeen) unseen.push(found.html)
  }
  throw new Error(`Tab has not left the page after ${MAX_STEPS} steps`)
}

const MAX_STEPS = 150

type Focus = { readonly isEnd: boolean; readonly isSeen: boolean; readonly html: string }

/** A control that is drawn by its label shows the focus there. The first element that comes again is the end. */
const LOOK = `(() => {
  const element = document.activeElement
  if (!element || element === document.body || element.tabbed) {
    for (const each of document.querySelectorAll('*')) delete each.tabbed
    return { isEnd: true, isSeen: true, html: '' }
  }
  element.tabbed = true
  const isOutlined = (each) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(each)
    return outlineStyle !== 'none' && parseFloat(outlineWidth) > 0
  }
  const shown = [element, element.nextElementSibling, element.closest('label')].filter(Boolean)
  const drawn = shown.find(isOutlined)
  const box = drawn?.getBoundingClientRect()
  const isOnScreen = box && box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
  return { isEnd: false, isSeen: Boolean(isOnScreen), html: element.outerHTML.slice(0, 200) }
})()`
