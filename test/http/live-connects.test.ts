/** Why a client is not let in at all, as a live stream says it. */
import { expect, test } from 'bun:test'
import { originCheck } from '../../plugins/origin-check'
import { start } from '../harness'
import { Stream } from './live-stream'

test('whoever watches an app sees who is refused since it is disabled, and whose origin is not allowed', async () => {
  await using server = await start({ plugins: [originCheck()] })
  const stream = new Stream(server, await server.admin('/api/admin/apps/test-app/live'))
  await stream.nextOf('hello')
  const closingOf = async (headers: Record<string, string> = {}) => {
    const path = '/app/test-app-fake-key?protocol=7'
    await using client = await server.raw({ path, headers, hello: false })
    return (await client.closing()).code
  }
  await server.change({ active: false })
  expect(await closingOf()).toBe(4003)
  expect(await stream.nextOf('refused')).toMatchObject({
    code: 'app_disabled',
    remedy: expect.stringContaining('active'),
  })
  await server.change({ active: true, hosts: ['https://example.com'] })
  expect(await closingOf({ origin: 'https://other.example' })).toBe(4009)
  expect(await stream.nextOf('refused')).toMatchObject({
    cause: 'origin_refused',
    remedy: expect.stringContaining('Pages that may connect'),
  })
  await stream.cancel()
})
