/**
 * Debian's Chromium for tests of pages. Where it is not installed the tests are skipped, and say so;
 * under CI they fail instead.
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

/** It asks nobody anything on its own. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Why no browser can be started; undefined where one can. */
export function noBrowser(): string | undefined {
  if (existsSync(CHROMIUM)) return undefined
  const reason = `${CHROMIUM} is not installed: apt-get install chromium`
  if (process.env['CI'] === 'true') throw new Error(reason)
  return reason
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
}
