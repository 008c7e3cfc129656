/**
 * Draws the console: `bun run picture` writes the picture of README.md, `bun run picture FOLDER` every page on a large
 * and a small screen, light and dark.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { FLAGS } from '../browser'
import { pathOf } from '../programs'
import { startLively } from './lively'
import { PATHS, placeOf } from './paths'
import { reduceColours } from './png'
import { PHONE, visitConsole, WIDE } from './visit'

const README_PICTURE = join(import.meta.dir, '../../../docs/console.png')
const MAX_BYTES = 150_000

/** What is done on a page before it is drawn. */
const FIRST: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  'apps/:slug/creator': async (page) => {
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('arrived in').waitFor()
    await page.locator('.heard summary').first().click()
  },
  'apps/:slug/webhooks': (page) => page.locator('summary', { hasText: 'Dead' }).last().click(),
}

const [folder] = process.argv.slice(2)
await using lively = await startLively()
const { token } = lively
const browser = await chromium.launch({
  executablePath: pathOf('chromium-headless-shell')!,
  args: FLAGS,
})
try {
  if (folder === undefined) await drawForReadme()
  else await drawAll(folder)
} finally {
  await browser.close()
}

async function drawForReadme(): Promise<void> {
  const viewport = { width: 1280, height: 760 }
  await using visit = await visitConsole(browser, lively.server, {
    viewport,
    token,
    deviceScaleFactor: 1.5,
  })
  await visit.open(placeOf('apps/:slug/live', lively.parameters))
  await visit.page.locator('.live-status').getByText('Live', { exact: true }).waitFor()
  await lively.live(24)
  const refused = visit.page.locator('.row', { hasText: 'auth_signature_invalid' })
  await refused.first().waitFor()
  await visit.page.getByRole('button', { name: 'Pause' }).click() // so that it stays where it is
  await refused.first().click()
  const bytes = reduceColours(await visit.page.screenshot())
  await Bun.write(README_PICTURE, bytes)
  console.log(`${README_PICTURE}: ${bytes.length} bytes`)
  if (bytes.length > MAX_BYTES) throw new Error(`More than ${MAX_BYTES} bytes`)
}

async function drawAll(into: string): Promise<void> {
  await mkdir(into, { recursive: true })
  for (const colorScheme of ['light', 'dark'] as const)
    for (const viewport of [WIDE, PHONE]) {
      await using visit = await visitConsole(browser, lively.server, {
        viewport,
        colorScheme,
        token,
      })
      for (const path of PATHS) {
        await visit.open(placeOf(path, lively.parameters))
        await lively.live(3)
        await FIRST[path]?.(visit.page)
        const name = `${path.replace(/\W+/g, '-') || 'start'}-${viewport.width}-${colorScheme}.png`
        await visit.page.screenshot({ path: join(into, name), fullPage: true })
      }
    }
}
