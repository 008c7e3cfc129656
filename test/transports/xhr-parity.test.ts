/** The same message gets the same answer over HTTP as over a WebSocket. */
import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { PONG, start, type TestServer } from '../harness'
import { XhrClient } from './xhr-client'

type Someone = { readonly socketId: string }
type MakeMessage = (server: TestServer, who: Someone) => object | string

const subscribe =
  (channel: string, auth?: 'signed' | 'forged', user?: object): MakeMessage =>
  (server, who) => {
    const channelData = user && JSON.stringify(user)
    const signed = auth === 'signed' && server.sign(who, channel, channelData)
    const data = { channel, auth: signed || (auth && `${server.app.key}:00`) }
    return { event: 'pusher:subscribe', data: { ...data, channel_data: channelData } }
  }

const signin: MakeMessage = (server, { socketId }) => {
  const user_data = '{"id":"ada","watchlist":["bob"]}'
  const { key, secret } = server.app
  const signature = createHmac('sha256', secret).update(`${socketId}::user::${user_data}`)
  return { event: 'pusher:signin', data: { auth: `${key}:${signature.digest('hex')}`, user_data } }
}

const text =
  (message: object | string): MakeMessage =>
  () =>
    message

const MESSAGES: readonly (readonly [name: string, say: readonly MakeMessage[], answers: number])[] =
  [
    ['a public channel', [subscribe('room')], 1],
    ['the same channel again', [subscribe('room'), subscribe('room')], 2],
    [
      'a channel left',
      [subscribe('room'), text({ event: 'pusher:unsubscribe', data: { channel: 'room' } })],
      1,
    ],
    ['a channel name that is none', [subscribe('a b')], 2],
    ['a private channel', [subscribe('private-room', 'signed')], 1],
    ['a private channel without a signature', [subscribe('private-room')], 2],
    ['a private channel with another signature', [subscribe('private-room', 'forged')], 2],
    ['an encrypted channel', [subscribe('private-encrypted-room', 'signed')], 1],
    ['a presence channel', [subscribe('presence-room', 'signed', { user_id: 'ada' })], 1],
    ['a cache channel', [subscribe('cache-room')], 2],
    ['a sign-in', [signin], 2],
    ['the channel of a user who is somebody else', [signin, subscribe('#server-to-user-bob')], 4],
    [
      'a client event on a public channel',
      [subscribe('room'), text({ event: 'client-e', channel: 'room', data: 1 })],
      2,
    ],
    [
      'a client event on a channel that one is not in',
      [text({ event: 'client-e', channel: 'private-room', data: 1 })],
      1,
    ],
    [
      'client events past their rate',
      [
        subscribe('private-room', 'signed'),
        ...Array.from({ length: 11 }, () =>
          text({ event: 'client-e', channel: 'private-room', data: 1 }),
        ),
      ],
      2,
    ],
    ['an event that nobody knows', [text({ event: 'pusher:nonsense', data: {} })], 1],
    ['no JSON', [text('nonsense')], 1],
    ['a message that is too large', [text(`"${'x'.repeat(70_000)}"`)], 1],
  ]

test.each(MESSAGES)('%s', async (_, say, count) => {
  const [socket, session] = [await overSocket(say), await overHttp(say)]
  expect(session).toEqual(socket)
  expect(socket).toHaveLength(count)
})

/** A server of its own each: nobody meets the other one. */
async function overSocket(say: readonly MakeMessage[]): Promise<string[]> {
  await using server = await start()
  await using client = await server.raw()
  for (const message of say) client.send(message(server, client))
  client.send({ event: 'pusher:ping' })
  const answers: string[] = []
  for (let frame = await client.next(); frame !== PONG; frame = await client.next())
    answers.push(anonymous(frame, client))
  return answers
}

async function overHttp(say: readonly MakeMessage[]): Promise<string[]> {
  await using server = await start()
  const client = await new XhrClient(server).open()
  await client.send(...say.map((message) => message(server, client)), { event: 'pusher:ping' })
  const answers = await client.messages(1)
  expect(answers.pop()).toBe(PONG)
  return answers.map((answer) => anonymous(answer, client))
}

const anonymous = (frame: string, { socketId }: Someone): string => frame.replaceAll(socketId, 'ID')
