/** How live streams end: their credentials are asked for again, their app goes, or the server. */
import { expect, test } from 'bun:test'
import type { ChannelName } from '../../src/core/types'
import { reject } from '../../src/plugin'
import { makePlugin, start, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { waitUntil } from '../webhooks/receiver'
import { Stream } from './live-stream'

const LIVE = '/api/admin/apps/test-app/live'

test('a quiet stream has a beat, which asks for the credentials again', async () => {
  let isLetIn = true
  const guard = makePlugin('guard', {
    request: () => (isLetIn ? undefined : reject('not any more')),
  })
  await using own = await start({ plugins: [guard] })
  const response = await own.admin(LIVE)
  const reader = response.body!.getReader()
  const read = async () => new TextDecoder().decode((await reader.read()).value)
  expect(await read()).toContain('event: hello')
  own.advance(20_000)
  expect(await read()).toBe(': beat\n\n')
  isLetIn = false
  own.advance(20_000)
  expect((await reader.read()).done).toBe(true)
})

test('a stream of a token lasts while its app has another slug, and ends with the token', async () => {
  await using own = await start()
  const tenant = own.addTenant()
  const { id, token } = await makeToken(own, { name: 'of an app', scope: 'app:8' })
  const response = await own.http('/api/admin/apps/other/live', { headers: bearer(token) })
  const stream = new Stream(own, response)
  expect((await stream.next())?.event).toBe('hello')
  const body = JSON.stringify({ app: { slug: 'renamed' } })
  await own.admin('/api/admin/apps/other', { method: 'PATCH', body })
  expect((await stream.next())?.event).toBe('app_changed')
  own.advance(20_000)
  own.core.facts.emit({ type: 'channel_occupied', app: tenant, channel: 'room' as ChannelName })
  expect(await stream.nextOf('channel_occupied')).toMatchObject({ channel: 'room' })
  await own.admin(`/api/admin/tokens/${id}`, { method: 'DELETE' })
  own.advance(20_000)
  expect(await stream.next()).toBeUndefined()
})

type End = readonly [when: string, lastRow: string, end: (on: TestServer) => unknown]

const ENDS: readonly End[] = [
  [
    'its app is deleted',
    'app_changed',
    (on) => on.admin('/api/admin/apps/other', { method: 'DELETE' }),
  ],
  ['the server leaves', 'hello', (on) => on.server.leave()],
]
test.each(ENDS)('a stream ends when %s, its last row is %s', async (_, lastRow, end) => {
  const own = await start()
  own.addTenant()
  const response = await own.admin('/api/admin/apps/other/live')
  const ended = response.text()
  const ending = end(own)
  await waitUntil('nobody watches', () => {
    own.advance(100)
    return !own.core.facts.hears('subscribed')
  })
  expect((await ended).match(/(?<=event: )\w+/g)?.at(-1)).toBe(lastRow)
  await ending
  await own.stop()
})
