/** Debian's Chromium for tests of pages. */
import { chromium, type Browser } from 'playwright-core'
import { pathOf } from './programs'

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

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: pathOf('chromium')!, args: FLAGS })
}
