/** Handshakes that are none: RFC 6455, 4.2.1, header by header. Nobody is taken in or counted for them. */
import { expect, test } from 'bun:test'
import { startCommon, waitFor } from '../harness'

const WHOLE = {
  upgrade: 'Upgrade: websocket',
  connection: 'Connection: Upgrade',
  key: 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  version: 'Sec-WebSocket-Version: 13',
}
const PATHS = ['/app/test-app-fake-key?protocol=7', '/socket/websocket?vsn=2.0.0']

/** The Connection header, as proxies and browsers send it. */
const ROWS: readonly (readonly [name: string, headers: Record<string, string>, status: number])[] =
  [
    ['all', {}, 101],
    ['Connection among others', { connection: 'Connection: keep-alive, Upgrade' }, 101],
    ['Connection twice', { connection: 'Connection: keep-alive\r\nConnection: upgrade' }, 101],
    ['no Connection', { connection: '' }, 400],
    ['Connection: keep-alive', { connection: 'Connection: keep-alive' }, 400],
    ['Connection: close, as nginx says it', { connection: 'Connection: close' }, 400],
    ['Connection: upgraded', { connection: 'Connection: upgraded' }, 400],
    ['no key', { key: '' }, 400],
    ['a key of three characters', { key: 'Sec-WebSocket-Key: abc' }, 400],
    ['no version', { version: '' }, 426],
    ['version 8', { version: 'Sec-WebSocket-Version: 8' }, 426],
  ]

const server = startCommon()

async function statusOf(path: string, headers: Record<string, string>): Promise<number> {
  const answered = Promise.withResolvers<string>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server().port,
    socket: {
      data: (_, bytes) => answered.resolve(bytes.toString()),
      close: () => answered.resolve(''),
    },
  })
  const lines = Object.values({ ...WHOLE, ...headers }).filter(Boolean)
  socket.write([`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...lines, '', ''].join('\r\n'))
  const text = await waitFor('an answer', answered.promise)
  socket.end()
  await server().waitForConnections(0)
  return Number(text.split(' ')[1])
}

test.each(ROWS)('%s', async (_, headers, status) => {
  for (const path of PATHS) {
    const before = server().totals.connectionsAccepted
    expect([path, await statusOf(path, headers)]).toEqual([path, status])
    expect(server().totals.connectionsAccepted - before).toBe(status === 101 ? 1 : 0)
  }
})
