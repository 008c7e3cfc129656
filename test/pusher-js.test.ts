/** The stock browser library and the stock server library against a whole server. */
import { expect, test } from 'bun:test'
import { start } from './harness'

test('an event that the server library triggers arrives at the browser library', async () => {
  await using server = await start()
  await using client = server.pusher()
  await client.subscribe('my-channel')

  const response = await server.sdk().trigger('my-channel', 'my-event', { hello: 'wörld 😀' })

  expect(await response.text()).toBe('{}')
  expect(await client.nextEvent()).toEqual({
    channel: 'my-channel',
    event: 'my-event',
    data: { hello: 'wörld 😀' },
  })
})
