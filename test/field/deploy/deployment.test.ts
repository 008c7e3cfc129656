/** docs/deployment.md and the files that it uses. */
import { expect, test } from 'bun:test'
import { blocksOf, readPage } from '../../docs/pages'
import { NOT_RUN, SECTIONS } from './deployment'

test('every block of the page is in a section that a test plays, or has a reason', async () => {
  const page = await readPage('docs/deployment.md')
  const sections = page.split(/^## /m).filter((text) => blocksOf(text).length > 0)
  expect(sections.map((text) => text.split('\n')[0]!)).toEqual(Object.keys(SECTIONS))
  const unused = NOT_RUN.filter(([mark]) => !blocksOf(page).some(({ code }) => code.includes(mark)))
  expect(unused).toEqual([])
})
