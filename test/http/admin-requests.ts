/** Requests to the admin API, and a database file for tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import type { TestServer } from '../harness'

export const ADMIN = makeBasicAuth(ADMIN_PAIR).authorization
export const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

type Answer = { status: number; body: any; headers: Headers } // oxlint-disable-line no-explicit-any

export async function requestAdmin(
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
  requestAdmin(server, 'POST', '', { body: JSON.stringify({ app }) })
export const change = (server: TestServer, slug: string, app: object): Promise<Answer> =>
  requestAdmin(server, 'PATCH', `/${slug}`, { body: JSON.stringify({ app }) })

/** Makes a folder for a database file; disposing removes it. */
export function makeTemporary() {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  return {
    path: join(folder, 'test.sqlite'),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  }
}
