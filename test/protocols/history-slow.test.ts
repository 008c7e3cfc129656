/** A slow link: cut, it comes back, and comes to rest: a replay is less than what it is cut for. */
import { expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { StalledReader } from '../stalled-reader'

const PAYLOAD = 'x'.repeat(10_000)
const rule = { prefix: '', size: 1000, ttl_seconds: 600, durable: false, rewind: 0 }

/** A reader that stands still from the beginning, once it has subscribed. */
async function stalledReader(server: TestServer, since: object | undefined) {
  const { port, app } = server
  const reader = await StalledReader.open({ port, key: app.key, data: { channel: 'room', since } })
  while (server.countsOf('room').subscriptions === 0) await server.http('/up')
  return reader
}

test('what it missed is replayed where it fits, and it is cut once at most', async () => {
  await using server = await start()
  await server.change({ history: [rule] })
  const trigger = () => server.trigger({ channel: 'room', name: 'e', data: PAYLOAD })
  const readEnd = async (): Promise<{ epoch: string; offset: number }> =>
    (await server.signed('GET', '/channels/room/history', '', 'limit=1')).json()

  const first = await stalledReader(server, undefined)
  const { epoch } = await readEnd()
  while (server.totals.slowReadersClosed === 0) await trigger()
  first.socket.end()
  await server.waitForConnections(0)
  const { offset: end } = await readEnd()

  // More than a replay may hold: it is told so, and gets nothing that it would be cut for.
  const lost = await stalledReader(server, { epoch, offset: 0 })
  const reply = await lost.readUntil('the reply', (text) => text.includes('"history"'))
  expect(reply).toContain(`"history":{"recovered":false,"epoch":"${epoch}","offset":${end}}`)
  lost.socket.end()
  await server.waitForConnections(0)

  // As much as a replay may hold, though it reads none of it for a while.
  const slow = await stalledReader(server, { epoch, offset: end - 50 })
  await trigger()
  const text = await slow.readUntil('the replay', (all) => all.split('"event":"e"').length > 51)
  expect(text).toContain('"recovered":true,"missed":50')
  expect(server.totals.slowReadersClosed).toBe(1)
  slow.socket.end()
})
