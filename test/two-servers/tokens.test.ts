/** A token for the admin API, and what it has changed, are the same on every server. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { start, twoServers, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'

let server: TestServer
beforeAll(async () => {
  twoServers.areMeant = true
  server = await start().finally(() => (twoServers.areMeant = false))
})
afterAll(() => server.stop())

/** The statuses that two servers answer with, one after the other. */
async function askBoth(path: string, token: string): Promise<number[]> {
  const ask = async () => (await server.http(path, { headers: bearer(token) })).status
  return [await ask(), await ask()]
}

test('it is good everywhere once it is made, sees what it has made, and is refused once it is revoked', async () => {
  const { token } = await makeToken(server, { name: 'ci', scope: 'create' })
  const body = JSON.stringify({ app: { name: 'made by it' } })
  const made = await server.http('/api/admin/apps', {
    method: 'POST',
    headers: bearer(token),
    body,
  })
  expect(made.status).toBe(201)
  expect(await askBoth('/api/admin/apps/made-by-it', token)).toEqual([200, 200])
  expect(await askBoth('/api/admin/apps/test-app', token)).toEqual([404, 404])
  await server.admin('/api/admin/tokens/ci', { method: 'DELETE' })
  expect(await askBoth('/api/admin/apps/made-by-it', token)).toEqual([401, 401])
})
