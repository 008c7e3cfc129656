/** A slow link: cut, it comes back, and comes to rest: a replay is less than what it is cut for. */
import { expect, test } from 'bun:test'
import { Inbox, start, type TestServer } from '../harness'

const PAYLOAD = 'x'.repeat(10_000)
const rule = { prefix: '', size: 1000, ttl_seconds: 600, durable: false, rewind: 0 }

/** A client frame with a mask of zeros; for texts under 126 bytes. */
const maskedText = (text: string): Uint8Array =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])

/** Connects and subscribes, and reads nothing until `resume`; then the text that it is sent, until `end`. */
async function stalledReader(server: TestServer, since: object | undefined) {
  const chunks = new Inbox<string>()
  const data = { channel: 'room', since }
  const isOver = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port,
    socket: {
      open: (peer) => {
        peer.write(
          `GET /app/${server.app.key} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
        )
        peer.write(maskedText(JSON.stringify({ event: 'pusher:subscribe', data })))
        peer.pause()
      },
      data: (_, bytes) => chunks.push(bytes.toString('latin1')),
      close: () => isOver.resolve(),
      error: () => isOver.resolve(),
    },
  })
  while (server.countsOf('room').subscriptions === 0) await server.http('/up')
  return { socket, chunks }
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
  lost.socket.resume()
  let text = ''
  while (!text.includes('"history"')) text += await lost.chunks.next('the reply')
  expect(text).toContain(`"history":{"recovered":false,"epoch":"${epoch}","offset":${end}}`)
  lost.socket.end()
  await server.waitForConnections(0)

  // As much as a replay may hold, though it reads none of it for a while.
  const slow = await stalledReader(server, { epoch, offset: end - 50 })
  await trigger()
  slow.socket.resume()
  text = ''
  while (text.split('"event":"e"').length < 52) text += await slow.chunks.next('the replay')
  expect(text).toContain('"recovered":true,"missed":50')
  expect(server.totals.slowReadersClosed).toBe(1)
  slow.socket.end()
})
