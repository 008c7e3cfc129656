/** The bench's report as somebody sees it: on a phone, and by colour. */
import { expect, test } from 'bun:test'
import { writePage as reportOf } from '../../../bench/lib/page'
import { findNewestFile, readRecords, RESULTS } from '../../../bench/lib/records'
import { describePages } from '../browser'

/** The published run, in which two more servers do what soketi does. */
const PUBLISHED = readRecords(findNewestFile(RESULTS, 'published')!)
const RECORDS = ['sockudo', 'centrifugo', 'somebody'].reduce(
  (all, side) => [
    ...all,
    ...PUBLISHED.filter((each) => each.side === 'soketi').map((each) => ({ ...each, side })),
  ],
  PUBLISHED.filter(({ side }) => !['sockudo', 'centrifugo'].includes(side)),
)

const SIDES = ['carillon', 'bare', 'soketi', 'sockudo', 'centrifugo', 'somebody']

describePages('the report of the bench', (browser) => {
  test.each([320, 390])('fits %p pixels: nothing is beyond the edge', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 844 } })
    await page.setContent(reportOf(RECORDS))
    const beyond = await page.evaluate(() =>
      Array.from(document.querySelectorAll('body *'))
        .filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5)
        .map((each) => `${each.tagName} ${each.textContent}`.slice(0, 80)),
    )

    expect(beyond).toEqual([])
    await page.close()
  })

  test.each(['light', 'dark'] as const)('each side has one colour, %s', async (colorScheme) => {
    const page = await browser.newPage({ colorScheme })
    await page.setContent(reportOf(RECORDS))
    const seen = await page.evaluate(() => {
      const paints = [
        ['.key', '::before', 'backgroundColor'],
        ['.line', '', 'backgroundColor', '.bar'],
        ['.panels svg', '', 'stroke', 'polyline'],
        ['.figures tbody tr', '::before', 'backgroundColor', 'td:nth-child(2)'],
      ] as const
      const nameOf = (element: Element): string =>
        /^[a-z]+/.exec(
          (element.querySelector('.figure, .panel, td:nth-child(2)') ?? element).textContent!,
        )![0]
      return paints.flatMap(([where, pseudo, property, inner]) =>
        Array.from(document.querySelectorAll(where), (element) => {
          const painted = inner === undefined ? element : element.querySelector(inner)!
          return [where, nameOf(element), getComputedStyle(painted, pseudo)[property]] as const
        }),
      )
    })
    const coloursOf = (side: string) =>
      new Set(seen.filter(([, name]) => name === side).map(([, , colour]) => colour))
    const places = (side: string) =>
      new Set(seen.filter(([, name]) => name === side).map(([where]) => where))

    for (const side of SIDES)
      expect([side, coloursOf(side).size, places(side).size]).toEqual([side, 1, 4])
    expect(new Set(SIDES.flatMap((side) => [...coloursOf(side)])).size).toBe(SIDES.length)
    await page.close()
  })
})
