/** Debian's Chromium for tests of pages. */
import { afterAll, beforeAll, setDefaultTimeout } from 'bun:test'
import { chromium, type Browser } from 'playwright-core'
import { describeWith, pathOf } from './programs'

/** A browser that sends no requests of its own. */
export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--js-flags=--no-opt', // pages of tests live for seconds: optimizing their code is a tenth of their CPU
]

/** Nothing moves: half of what a page takes is to draw what turns while it waits. */
const STILL = { reducedMotion: 'reduce' } as const

/** On a busy machine a page takes seconds to be drawn. */
const PATIENCE_MS = 60_000

export type Pages = Pick<Browser, 'newPage'>

/** Tests that look at pages; one browser serves them all. */
export function describePages(name: string, tests: (browser: Pages) => void): void {
  setDefaultTimeout(PATIENCE_MS)
  describeWith('chromium-headless-shell', name, () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await chromium.launch({
        executablePath: pathOf('chromium-headless-shell')!,
        args: FLAGS,
      })
    })
    afterAll(() => browser.close())
    const newPage: Pages['newPage'] = async (options) => {
      const page = await browser.newPage({ ...STILL, ...options })
      page.setDefaultTimeout(PATIENCE_MS)
      return page
    }
    tests({ newPage })
  })
}
