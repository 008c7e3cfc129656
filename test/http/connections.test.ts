/** `GET /apps/:id/connections`, which Laravel Pulse's card asks Reverb for. Contract 6.1. */
import { expect, test } from 'bun:test'
import { nextLook, start } from '../harness'
import { KEY, connectPhoenix } from '../phoenix'
import { XhrClient } from '../transports/xhr-client'

test('counts those of the app, however they connect and whatever they are in', async () => {
  await using server = await start()
  server.addTenant()
  const count = async () => (await server.sdk().get({ path: '/connections' })).json()
  /** Those of other nodes come with their beats. */
  const untilCounted = async (connections: number): Promise<void> => {
    while ((await count()).connections !== connections) await nextLook()
  }
  expect(await count()).toEqual({ connections: 0 })
  const client = await server.raw()
  await using _other = await server.raw({ path: '/app/k?protocol=7' })
  await untilCounted(1)
  for (const channel of ['a', 'b']) await client.subscribed(channel)
  await new XhrClient(server).open()
  await using _phoenix = (await connectPhoenix(server, { query: KEY })).client
  await untilCounted(3)
  await client[Symbol.asyncDispose]()
  await server.waitForConnections(3)
  await untilCounted(2)
})

test('is signed like its neighbours', async () => {
  await using server = await start()
  expect((await server.http('/apps/1/connections')).status).toBe(401)
  const wrong = server.sdk({ secret: 'wrong' }).get({ path: '/connections' })
  expect(await wrong.catch(({ status }: { status: number }) => status)).toBe(401)
  const unknown = server.sdk({ appId: '2' }).get({ path: '/connections' })
  expect(await unknown.catch(({ status }: { status: number }) => status)).toBe(404)
})
