/** Who is connected is known of one's own connections; a user is ended on all nodes. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, twoServers } from '../harness'
import { connectSignedIn } from '../protocols/signed-in'

beforeAll(() => {
  twoServers.areMeant = true
})
afterAll(() => {
  twoServers.areMeant = false
})

test('each lists its own; the end of one is found where it is, the end of a user everywhere', async () => {
  await using server = await start()
  const headers = makeBasicAuth(ADMIN_PAIR)
  const [first, second] = server.servers.map(({ port }) => port) as [number, number]
  const ask = async (port: number, method: string, path: string) => {
    const url = `http://127.0.0.1:${port}/api/admin/apps/test-app/${path}`
    const answer = await fetch(url, { method, headers })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const listed = async (port: number): Promise<string[]> =>
    (await ask(port, 'GET', 'connections')).body.data.map(
      ({ socket_id: id }: { socket_id: string }) => id,
    )
  await using here = await connectSignedIn(server, '{"id":"ada"}')
  await using there = await connectSignedIn(server, '{"id":"ada"}')
  expect([await listed(first), await listed(second)]).toEqual([[here.socketId], [there.socketId]])
  expect((await ask(first, 'DELETE', `connections/${there.socketId}`)).status).toBe(404)
  expect((await ask(first, 'DELETE', 'users/ada')).status).toBe(204)
  expect([(await here.closing()).code, (await there.closing()).code]).toEqual([4009, 4009])
})
