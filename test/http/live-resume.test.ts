/** Live streams that were cut: who comes back is told what was missed. */
import { expect, test } from 'bun:test'
import { start, startCommon, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { waitUntil } from '../webhooks/receiver'
import { Stream } from './live-stream'

const server = startCommon()
const LIVE = '/api/admin/apps/test-app/live?kinds=published'

/** A stream, and its `hello`. */
async function watch(
  query: string,
  headers: Record<string, string> = {},
  on: TestServer = server(),
): Promise<readonly [Stream, Record<string, unknown>]> {
  const stream = new Stream(on, await on.admin(`${LIVE}${query}`, { headers }))
  return [stream, await stream.nextOf('hello')]
}

const after = (stream: Stream) => ({ 'last-event-id': stream.lastId })
const trigger = (name: string) => server().trigger({ channel: 'room', name, data: 'x' })
const nobodyWatches = () =>
  waitUntil('nobody watches', () => {
    server().advance(10_000)
    return !server().core.facts.hears('published')
  })

test('what happens meanwhile is gathered, what is more is counted', async () => {
  const [first, hello] = await watch('&linger=10')
  expect(hello).toEqual({ app: 'test-app', at: expect.any(Number) })
  await trigger('before')
  expect((await first.next())?.data['event']).toBe('before')
  await first.cancel()
  for (let n = 0; n < 60; n++) await trigger(`e${n}`)
  const [second, again] = await watch('&linger=10', after(first))
  expect(again['missed']).toBe(0)
  for (let n = 0; n < 50; n++) expect((await second.next())?.data['event']).toBe(`e${n}`)
  expect(await second.next()).toEqual({ event: 'skipped', data: { published: 10 } })
  await second.cancel()
  await nobodyWatches()
})

test('rows that were lost on their way are counted, also where the server knows of no cut', async () => {
  const [first] = await watch('&linger=10')
  const { lastId } = first
  for (const name of ['a', 'b', 'c']) await trigger(name)
  for (let n = 0; n < 3; n++) await first.next()
  const [second, hello] = await watch('&linger=10', { 'last-event-id': lastId.replace(/0$/, '1') })
  expect(hello['missed']).toBe(2)
  expect(await first.next()).toBeUndefined() // its place is that of the second
  await second.cancel()
  await nobodyWatches()
})

test('what is not known any more is said', async () => {
  const [late] = await watch('&linger=10')
  const [unbridged] = await watch('')
  await Promise.all([late.cancel(), unbridged.cancel()])
  await nobodyWatches()
  const [there, hello] = await watch('&linger=10', after(late))
  const streams = [
    await watch('', after(unbridged)),
    await watch('&channel=a&linger=10', after(there)), // another filter, so other rows
    await watch('', { 'last-event-id': 'anything' }),
  ]
  const missed = [hello, ...streams.map(([, each]) => each)].map((each) => each['missed'])
  expect(missed).toEqual([null, null, null, null])
  await Promise.all([there, ...streams.map(([stream]) => stream)].map((stream) => stream.cancel()))
  await nobodyWatches()
})

test('nobody takes over the stream of another, and who may come back makes room', async () => {
  await using own = await start({ limits: { maxLiveStreams: 2 } })
  const [first] = await watch('&linger=10', {}, own)
  const { token } = await makeToken(own, { name: 'reader', scope: 'read' })
  const [other, hello] = await watch('&linger=10', { ...bearer(token), ...after(first) }, own)
  expect(hello['missed']).toBeNull()
  await other.cancel()
  let third = await own.admin(`${LIVE}&limit=0`)
  while (third.status !== 200) third = await own.admin(`${LIVE}&limit=0`)
  expect(await third.text()).toContain('event: hello')
  await first.cancel()
})

test('a cut is bridged for a minute at most', async () => {
  const refused = await server().admin(`${LIVE}&linger=61`)
  expect([refused.status, await refused.json()]).toEqual([
    422,
    { errors: { linger: ['"61" is not a number from 0 to 60'] } },
  ])
})
