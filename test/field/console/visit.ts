/** The console, opened in a browser by somebody who is signed in, and what goes wrong meanwhile. */
import type { Page } from 'playwright-core'
import { makeBasicAuth } from '../../credentials'
import type { TestServer } from '../../harness'
import { bearer } from '../../tokens'
import type { Pages } from '../browser'

export const WIDE = { width: 1280, height: 900 }
export const PHONE = { width: 390, height: 844 }

export type ConsoleVisit = AsyncDisposable & {
  readonly page: Page
  /** Errors of scripts, lines of the console that are errors, what its policy has forbidden. */
  readonly problems: string[]
  /** Requests that were refused: method, path and status. */
  readonly refused: string[]
  /** The hosts that it has asked, sockets included. */
  readonly hosts: Set<string>
  /** Loads the page anew at a place after the `#`: `apps/my-app/live`. Resolves once it has loaded what it shows. */
  open(place: string): Promise<void>
}

export type VisitOptions = {
  /** The text of a token; the admin's password in its absence. */
  readonly token?: string
  readonly isSignedOut?: boolean
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly colorScheme?: 'light' | 'dark'
  /** Pixels of the screen for one of the page. */
  readonly deviceScaleFactor?: number
}

/** Opens a window of its own and signs in, if not told otherwise; nothing is loaded yet. */
export async function visitConsole(
  browser: Pages,
  server: TestServer,
  options: VisitOptions = {},
): Promise<ConsoleVisit> {
  const { token, isSignedOut = false, ...screen } = options
  const page = await browser.newPage({ viewport: WIDE, colorScheme: 'light', ...screen })
  const problems: string[] = []
  const refused: string[] = []
  const hosts = new Set<string>()
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (line) => {
    const isRefusal = line.text().startsWith('Failed to load resource') // in `refused`, with its path
    if (line.type() === 'error' && !isRefusal) problems.push(line.text())
  })
  await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    console.error('policy', event.effectiveDirective, event.blockedURI, event.sample))`)
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== 'data:') hosts.add(host)
  })
  page.on('websocket', (socket) => hosts.add(new URL(socket.url()).host))
  page.on('response', (response) => {
    if (response.status() < 400) return
    refused.push(
      `${response.request().method()} ${new URL(response.url()).pathname} ${response.status()}`,
    )
  })
  const root = rootOf(server)
  if (!isSignedOut) {
    const headers = token === undefined ? adminAuth(server) : bearer(token)
    const answer = await page.request.post(`${root}/api/admin/sessions`, { headers })
    if (answer.status() !== 201) throw new Error(`Not signed in: ${await answer.text()}`)
  }
  const open = async (place: string): Promise<void> => {
    await page.goto('about:blank') // another hash alone loads nothing
    await page.goto(`${root}/console#/${place}`)
    await page.locator('main h1').waitFor()
    await page.locator('.loading').first().waitFor({ state: 'detached' })
  }
  return { page, problems, refused, hosts, open, [Symbol.asyncDispose]: () => page.close() }
}

const adminAuth = ({ server: { credentials } }: TestServer) =>
  makeBasicAuth(`${credentials.admin.username}:${credentials.admin.password}`)

/** The address for admins, where there is one. */
function rootOf({ server, port }: TestServer): string {
  const at = server.adminAddress
  return `http://127.0.0.1:${at && 'port' in at ? at.port : port}`
}
