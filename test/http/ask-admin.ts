/** How tests talk to the admin API, and where they keep a database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADMIN_PAIR, basic } from '../credentials'
import type { TestServer } from '../harness'

export const ADMIN = basic(ADMIN_PAIR).authorization
export const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

type Answer = { status: number; body: any; headers: Headers } // oxlint-disable-line no-explicit-any

export async function ask(
  server: TestServer,
  method: string,
  path = '',
  init: RequestInit = {},
): Promise<Answer> {
  const headers = { authorization: ADMIN, ...(init.headers as Record<string, string>) }
  const response = await server.http(`/api/admin/apps${path}`, { method, ...init, headers })
  const text = await response.text()
  const json = response.headers.get('content-type')?.startsWith('application/json')
  return {
    status: response.status,
    body: json ? JSON.parse(text) : text,
    headers: response.headers,
  }
}

export const create = (server: TestServer, app: object): Promise<Answer> =>
  ask(server, 'POST', '', { body: JSON.stringify({ app }) })
export const change = (server: TestServer, slug: string, app: object): Promise<Answer> =>
  ask(server, 'PATCH', `/${slug}`, { body: JSON.stringify({ app }) })

/** A database file that goes with its folder. */
export function temporary() {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  return {
    path: join(folder, 'test.sqlite'),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  }
}
