/** WebSockets as RFC 6455 has them, on bare sockets. */
import type { Case, Group } from '../case'
import {
  acceptOf,
  ENDED,
  OPCODE,
  readCode,
  type Frame,
  type Handshake,
  type RawSocket,
} from '../clients/raw-socket'
import { expectSame, expectThat, Mismatch } from '../mismatch'

const PING = '{"event":"pusher:ping","data":{}}'
const PONG = 'pusher:pong'
const { continuation, text, close, ping, pong } = OPCODE

const closing = (code: number, reason: string | Uint8Array = ''): Uint8Array =>
  Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason as string)])

const bytes = (...values: number[]): Uint8Array => Buffer.from(values)

/** Frames that a server has to give the connection up for, and the code that it may say so with. */
const FATAL: readonly (readonly [
  what: string,
  section: string,
  frames: readonly Frame[],
  code?: number,
])[] = [
  ...[0x40, 0x20, 0x10].map(
    (reserved, index) =>
      [
        `a text with reserved bit ${index + 1}`,
        '5.2',
        [{ opcode: text, payload: PING, reserved }],
      ] as const,
  ),
  ['a ping with a reserved bit', '5.2', [{ opcode: ping, reserved: 0x40 }]],
  ...[3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map(
    (opcode) => [`the reserved opcode ${opcode}`, '5.2', [{ opcode, payload: 'x' }]] as const,
  ),
  ['a frame without a mask', '5.1', [{ opcode: text, payload: PING, isMasked: false }]],
  ['a ping of 126 bytes', '5.5', [{ opcode: ping, payload: 'x'.repeat(126) }]],
  ['a pong of 126 bytes', '5.5', [{ opcode: pong, payload: 'x'.repeat(126) }]],
  ['a fragmented ping', '5.5', [{ opcode: ping, payload: 'x', isFinal: false }]],
  ['a continuation of nothing', '5.4', [{ opcode: continuation, payload: PING }]],
  [
    'a continuation of nothing that is not the last',
    '5.4',
    [{ opcode: continuation, payload: PING, isFinal: false }],
  ],
  [
    'a text within a fragmented text',
    '5.4',
    [
      { opcode: text, payload: '{"event":', isFinal: false },
      { opcode: text, payload: PING },
    ],
  ],
  [
    'text that is no UTF-8',
    '8.1',
    [{ opcode: text, payload: bytes(0x22, 0xc3, 0x28, 0x22) }],
    1007,
  ],
  [
    'text that ends within a character',
    '8.1',
    [{ opcode: text, payload: bytes(0x22, 0xe2, 0x82) }],
    1007,
  ],
  ['text with an overlong character', '8.1', [{ opcode: text, payload: bytes(0xc0, 0xaf) }], 1007],
  ['text with a surrogate', '8.1', [{ opcode: text, payload: bytes(0xed, 0xa0, 0x80) }], 1007],
  ['a close frame of one byte', '5.5.1', [{ opcode: close, payload: bytes(3) }]],
  [
    'a close frame whose reason is no UTF-8',
    '5.5.1',
    [{ opcode: close, payload: closing(1000, bytes(0xff)) }],
    1007,
  ],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code) =>
      [`the close code ${code}`, '7.4', [{ opcode: close, payload: closing(code) }]] as const,
  ),
]

/** The same message, cut in every way that is allowed. */
const SENDABLE: readonly (readonly [name: string, section: string, frames: readonly Frame[]])[] = [
  [
    'a text in three fragments is one message',
    '5.4',
    [
      { opcode: text, payload: PING.slice(0, 9), isFinal: false },
      { opcode: continuation, payload: PING.slice(9, 20), isFinal: false },
      { opcode: continuation, payload: PING.slice(20) },
    ],
  ],
  [
    'fragments may be empty',
    '5.4',
    [
      { opcode: text, isFinal: false },
      { opcode: continuation, payload: PING, isFinal: false },
      { opcode: continuation },
    ],
  ],
  [
    'a character may be cut between fragments',
    '8.1',
    [
      { opcode: text, payload: bytes(...Buffer.from('{"a":"'), 0xe2, 0x82), isFinal: false },
      { opcode: continuation, payload: bytes(0xac, ...Buffer.from(`",${PING.slice(1)}`)) },
    ],
  ],
  [
    'a message of more than 125 bytes has a length of 16 bits',
    '5.2',
    [{ opcode: text, payload: `${PING.slice(0, -1)},"a":"${'x'.repeat(1000)}"}` }],
  ],
]

const HANDSHAKES: readonly (readonly [what: string, handshake: Handshake])[] = [
  [
    'a handshake with headers in any case',
    { headers: { Upgrade: 'WebSocket', Connection: 'keep-alive, upgrade' } },
  ],
  ['a handshake that arrives byte by byte', { isTorn: true }],
  ['a handshake with an Origin', { headers: { Origin: 'http://localhost' } }],
]

/** Handshakes that are none. */
const REFUSED: readonly (readonly [what: string, handshake: Handshake])[] = [
  ['no Sec-WebSocket-Key', { headers: { 'Sec-WebSocket-Key': undefined } }],
  ['a key that is too short', { headers: { 'Sec-WebSocket-Key': 'c2hvcnQ=' } }],
  ['no Upgrade', { headers: { Upgrade: undefined, Connection: 'close' } }],
  ['an Upgrade to something else', { headers: { Upgrade: 'h2c' } }],
  ['a Connection without Upgrade', { headers: { Connection: 'keep-alive' } }],
  ['no Host', { headers: { Host: undefined } }],
  ['POST', { method: 'POST', headers: { 'Content-Length': '0' } }],
  ['no version', { headers: { 'Sec-WebSocket-Version': undefined } }],
  ['version 8', { headers: { 'Sec-WebSocket-Version': '8' } }],
]

export const RFC_6455: Group = {
  name: 'rfc6455',
  about: 'WebSockets byte by byte: handshakes, fragments, control frames, closing, what is invalid',
  cases: [
    {
      name: 'the handshake is answered with the hash of its key, and nothing that was not offered',
      spec: 'RFC 6455, 4.2.2',
      async play(stage) {
        const socket = await stage.rawUnopened()
        const { status, headers } = await socket.shake()
        expectSame('the status', status, 101)
        expectSame(
          'Sec-WebSocket-Accept',
          headers.get('sec-websocket-accept'),
          acceptOf(socket.key),
        )
        expectSame('Upgrade', headers.get('upgrade')?.toLowerCase(), 'websocket')
        for (const name of ['sec-websocket-protocol', 'sec-websocket-extensions'])
          expectThat(!headers.has(name), `no ${name}`, headers.get(name))
      },
    },
    ...HANDSHAKES.map(([what, handshake]): Case => ({
      name: `${what} is accepted`,
      spec: 'RFC 6455, 4.2.1',
      play: async (stage) => void (await stage.raw(handshake)),
    })),
    {
      name: 'one of the subprotocols that were offered is chosen, or none',
      spec: 'RFC 6455, 4.2.2',
      async play(stage) {
        const socket = await stage.rawUnopened()
        const offered = { 'Sec-WebSocket-Protocol': 'arduino, other' }
        const { status, headers } = await socket.shake({ headers: offered })
        const chosen = headers.get('sec-websocket-protocol')
        expectSame('the status', status, 101)
        const isIt = chosen === undefined || ['arduino', 'other'].includes(chosen)
        expectThat(isIt, 'arduino, other or none', chosen)
      },
    },
    {
      name: 'permessage-deflate that is offered is used as agreed, or not at all',
      spec: 'RFC 7692, 5.1 and 7.2.2',
      async play(stage) {
        const socket = await stage.rawUnopened()
        const offered = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
        const { headers } = await socket.shake({ headers: offered })
        const agreed = headers.get('sec-websocket-extensions')
        const isNamed = agreed === undefined || agreed.startsWith('permessage-deflate')
        expectThat(isNamed, 'permessage-deflate or no extension', agreed)
        const greeting = await socket.nextInflated('the greeting', agreed !== undefined)
        const isIt = greeting.includes('pusher:connection_established')
        expectThat(isIt, 'pusher:connection_established', greeting)
      },
    },
    ...REFUSED.map(([what, handshake]): Case => ({
      name: `a handshake with ${what} is not answered with 101`,
      spec: 'RFC 6455, 4.2.1 and 4.2.2',
      async play(stage) {
        const status = await shakeUntilEnd(await stage.rawUnopened(), handshake)
        expectThat(status !== 101, 'another status than 101', status)
      },
    })),
    {
      name: 'who is refused for a version is told the right one',
      spec: 'RFC 6455, 4.2.2',
      async play(stage) {
        const socket = await stage.rawUnopened()
        const { headers } = await socket.shake({ headers: { 'Sec-WebSocket-Version': '8' } })
        const versions = headers.get('sec-websocket-version') ?? ''
        expectThat(/\b13\b/.test(versions), 'Sec-WebSocket-Version: 13', versions || 'none')
      },
    },
    ...SENDABLE.map(([name, section, frames]): Case => ({
      name,
      spec: `RFC 6455, ${section}`,
      async play(stage) {
        const socket = await stage.raw()
        socket.send(...frames)
        await socket.expectText(PONG)
      },
    })),
    {
      name: 'a text that arrives byte by byte is read',
      spec: 'RFC 6455, 5.2',
      async play(stage) {
        const socket = await stage.raw()
        socket.sendTorn({ opcode: text, payload: PING })
        await socket.expectText(PONG)
      },
    },
    ...['', 'hello', '\u0000\u0001', 'x'.repeat(125)].map((payload): Case => ({
      name: `a ping of ${payload.length} bytes is answered with a pong that has them`,
      spec: 'RFC 6455, 5.5.3',
      async play(stage) {
        const socket = await stage.raw()
        socket.send({ opcode: ping, payload })
        await socket.expectFrame('a pong frame with the bytes of the ping', pong, payload)
      },
    })),
    {
      name: 'a ping between fragments is answered before the message is whole',
      spec: 'RFC 6455, 5.4',
      async play(stage) {
        const socket = await stage.raw()
        const [head, tail] = [PING.slice(0, 10), PING.slice(10)]
        socket.send({ opcode: text, payload: head, isFinal: false }, { opcode: ping, payload: '1' })
        await socket.expectFrame('a pong frame between fragments', pong, '1')
        socket.send({ opcode: pong, payload: '2' }, { opcode: continuation, payload: tail })
        await socket.expectText(PONG)
      },
    },
    {
      name: 'pings that arrive together are answered in their order, the last at least',
      spec: 'RFC 6455, 5.5.3',
      async play(stage) {
        const socket = await stage.raw()
        const payloads = ['1', '2', '3', '4', '5']
        socket.send(...payloads.map((payload) => ({ opcode: ping, payload })))
        for (let last = ''; last !== '5';) {
          const { payload } = await socket.expectFrame('a pong frame', pong)
          const given = payload.toString()
          expectThat(payloads.includes(given) && given > last, `a pong after ${last}`, given)
          last = given
        }
      },
    },
    {
      name: 'a close frame between fragments is answered',
      spec: 'RFC 6455, 5.4 and 5.5.1',
      async play(stage) {
        const socket = await stage.raw()
        const begun = { opcode: text, payload: PING.slice(0, 9), isFinal: false }
        socket.send(begun, { opcode: close, payload: closing(1000) })
        await socket.expectFrame('a close frame', close)
        await socket.expectEnd('the end of the connection')
      },
    },
    {
      name: 'a pong that nobody asked for is not answered',
      spec: 'RFC 6455, 5.5.3',
      async play(stage) {
        const socket = await stage.raw()
        socket.send({ opcode: pong, payload: 'x' }, { opcode: text, payload: PING })
        await socket.expectText(PONG)
      },
    },
    ...[undefined, 1000, 1001, 1003, 1007, 1011, 3000, 3999, 4000, 4999].map((code): Case => ({
      name: `a close frame ${code === undefined ? 'without a code' : `with ${code}`} is answered with one, and the server ends the connection`,
      spec: 'RFC 6455, 5.5.1, 7.1.1 and 7.4',
      async play(stage) {
        const socket = await stage.raw()
        const payload = code === undefined ? '' : closing(code, 'bye')
        socket.send({ opcode: close, payload })
        const frame = await socket.expectFrame('a close frame', close)
        const answer = readCode(frame)
        const isIt = answer === undefined || answer === code || answer === 1000
        expectThat(isIt, `${code ?? 1000}, or no code`, answer)
        await socket.expectEnd('the end of the connection')
      },
    })),
    {
      name: 'after a close frame nothing is read',
      spec: 'RFC 6455, 5.5.1',
      async play(stage) {
        const socket = await stage.raw()
        socket.send({ opcode: close, payload: closing(1000) }, { opcode: text, payload: PING })
        await socket.expectFrame('a close frame', close)
        await socket.expectNothingButEnd()
      },
    },
    {
      name: 'a connection that the server ends gets a close frame with its code, then the end',
      spec: 'RFC 6455, 7.1.1',
      async play(stage) {
        const socket = await stage.rawUnopened()
        await socket.shake({ key: 'conformance-no-such-key' })
        for (;;) {
          const frame = await socket.nextFrame('a close frame')
          if (frame.opcode !== close) continue
          const code = readCode(frame)
          expectThat(code !== undefined && code >= 1000, 'a close frame with a code', code)
          break
        }
        socket.send({ opcode: close, payload: closing(1000) })
        await socket.expectEnd('the end of the connection')
      },
    },
    ...FATAL.map(([what, section, frames, code = 1002]): Case => ({
      name: `${what} fails the connection`,
      spec: `RFC 6455, ${section} and 7.1.7`,
      async play(stage) {
        const socket = await stage.raw()
        socket.send(...frames)
        await socket.expectFailed(what, code)
      },
    })),
  ],
}

/** The status that answers a handshake; 0 where the connection is ended without one, which refuses it, too. */
async function shakeUntilEnd(socket: RawSocket, handshake: Handshake): Promise<number> {
  try {
    return (await socket.shake(handshake)).status
  } catch (error) {
    if (error instanceof Mismatch && error.got === ENDED) return 0
    throw error
  }
}
