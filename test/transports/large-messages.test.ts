/** What one message may be on a WebSocket: the runtime holds what has come of it, whatever comes of that. */
import { expect, test } from 'bun:test'
import { maxFrameChars, maxPayloadBytes } from '../../src/core/limits'
import { start } from '../harness'

test('every message that may be read has room, in any script', async () => {
  await using server = await start()
  await using client = await server.raw()
  const { limits } = server.core
  const event = JSON.stringify({
    event: 'client-x',
    channel: 'private-a',
    data: '語'.repeat(maxFrameChars(limits) - 100),
  })
  expect(Buffer.byteLength(event)).toBeLessThan(maxPayloadBytes(limits))
  client.send(event)
  expect(await client.next()).toContain('not subscribed')
})

test('a message beyond what the transport takes closes the socket with a reason, and is counted', async () => {
  await using server = await start()
  await using client = await server.raw()
  await using neighbour = await server.raw()
  client.send('x'.repeat(maxPayloadBytes(server.core.limits) + 1))
  expect(await client.closing()).toEqual({ code: 1009, reason: 'Received too big message' })
  await neighbour.expectNothing()
  expect(server.totals.messagesTooBig).toBe(1)
})
