/** `user_info` reaches everybody as the backend wrote it: its numbers, its keys in their order, its space. */
import { expect, test } from 'bun:test'
import { makeRefusal } from '../frames'
import { startCommon, type RawClient, type TestServer } from '../harness'
import {
  OBJECTS,
  PHOENIX_V1,
  PHOENIX_V2,
  PUSHER,
  TRUSTING,
  type Connect,
  type Peer,
} from './as-sent'

const ROOM = 'presence-room'
const NO_INFO = '{}'

const server = startCommon({ plugins: [TRUSTING], limits: { maxPresenceMembers: 1000 } })

const memberOf = (user: string, info: string) => `{"user_id":"${user}","user_info":${info}}`

type Way = (server: TestServer, client: RawClient, user: string, info: string) => unknown

const enter = async (to: TestServer, client: RawClient, member: string): Promise<string> =>
  client.subscribed(ROOM, to.sign(client, ROOM, member), member)

const WAYS: Readonly<Record<string, Way>> = {
  'signed for the channel': (to, client, user, info) => enter(to, client, memberOf(user, info)),
  'of two, the last': (to, client, user, info) =>
    enter(to, client, `{"user_info":1,"user_id":"${user}","user\\u005finfo" : ${info} }`),
  'signed in': async (to, client, user, info) => {
    to.signin(client, `{"user_info":${info},"id":"${user}"}`)
    await client.next('signin_success')
    return client.subscribed(ROOM, to.sign(client, ROOM))
  },
  'vouched for by a plugin': (_, client, user, info) =>
    client.subscribed(ROOM, 'trust me', memberOf(user, info)),
}

type Listener = {
  readonly wire: string
  readonly peer: Peer
  readonly hears: (user: string, info: string) => string
}

const pusherJoin = JSON.stringify({
  event: 'pusher:subscribe',
  data: { channel: ROOM, auth: 'trust me', channel_data: '{"user_id":"listener"}' },
})
const payload = '{"auth":"trust me","channel_data":"{\\"user_id\\":\\"listener\\"}"}'
const v1Join = `{"topic":"${ROOM}","event":"phx_join","payload":${payload},"ref":"1"}`
const v2Join = `["1","1","${ROOM}","phx_join",${payload}]`

const makeAdded = (user: string, info: string) =>
  `{"event":"pusher_internal:member_added","channel":"${ROOM}","data":${JSON.stringify(memberOf(user, info))}}`
const diff = (user: string, info: string) =>
  `{"joins":{"${user}":{"metas":[{"phx_ref":"","online_at":0,"user_info":${info}}]}},"leaves":{}}`

/** What differs from one run to the next is left out. */
const plain = (frame: string): string =>
  frame.replace(/"phx_ref":"[^"]+","online_at":\d+/g, '"phx_ref":"","online_at":0')

async function everybody(to: TestServer): Promise<Listener[]> {
  const listeners: Listener[] = []
  const join = async (wires: Record<string, Connect>, say: string, hears: Listener['hears']) => {
    for (const [wire, connect] of Object.entries(wires)) {
      const peer = await connect(to)
      await peer.send(say)
      while (!(await peer.next()).match(/subscription_succeeded|presence_state/));
      listeners.push({ wire, peer, hears })
    }
  }
  await join(PUSHER, pusherJoin, makeAdded)
  const v1 = (user: string, info: string) =>
    `{"topic":"${ROOM}","event":"presence_diff","payload":${diff(user, info)},"ref":null}`
  await join(PHOENIX_V1, v1Join, v1)
  const v2 = (user: string, info: string) =>
    `[null,null,"${ROOM}","presence_diff",${diff(user, info)}]`
  await join(PHOENIX_V2, v2Join, v2)
  return listeners
}

/** Reads until the frame arrives: listeners are notified of members who joined before and after it. */
async function readUntil({ peer, hears }: Listener, user: string, info: string): Promise<string> {
  for (;;) {
    const frame = plain(await peer.next())
    if (frame.includes(user)) return frame === hears(user, info) ? 'as sent' : frame
  }
}

let users = 0

test.each(Object.entries(WAYS))('%s', async (_, come) => {
  const listeners = await everybody(server())
  for (const info of OBJECTS) {
    const user = `user${++users}.`
    await using client = await server().raw()
    const greeting = await come(server(), client, user, info)
    expect(greeting).toContain(JSON.stringify(`"${user}":${info}`).slice(1, -1))
    for (const listener of listeners)
      expect([listener.wire, await readUntil(listener, user, info)]).toEqual([
        listener.wire,
        'as sent',
      ])
    const late = PHOENIX_V2['Phoenix V2']!
    const newcomer = await late(server())
    await newcomer.send(v2Join)
    await newcomer.next()
    expect(await newcomer.next()).toContain(`"user_info":${info}}]}`)
  }
})

const EMPTY: readonly (readonly [name: string, member: string])[] = [
  ['null', '"user_info":null,"user_id":"a"'],
  ['absent', '"user_id":"b"'],
  ['with nothing in it', '"user_id":"c","user_info":{}'],
]
test.each(EMPTY)('a user_info that is %s is an empty object', async (_, member) => {
  await using client = await server().raw()
  const id = /"user_id":"(.)"/.exec(member)![1]!
  expect(await enter(server(), client, `{${member}}`)).toContain(`\\"${id}\\":${NO_INFO}`)
})

const LIMIT = 'exceeds the limit of 2048 bytes (maxUserInfoBytes)'
const INVALID = 'user_info supplied to presence subscription is'
const REFUSED: readonly (readonly [name: string, info: string, message: string])[] = [
  ['is a list', '[]', `${INVALID} invalid - if supplied it must be a type of hash`],
  ['is a text', '"{}"', `${INVALID} invalid - if supplied it must be a type of hash`],
  ['is too deep', `{"a":${'['.repeat(128)}${']'.repeat(128)}}`, `${INVALID} nested too deep`],
  ['is too long as it was written', `{${' '.repeat(2047)}}`, `user_info of 2049 bytes ${LIMIT}`],
  [
    'has escapes that make it so',
    `{"a":"${'\\u8a9e'.repeat(350)}"}`,
    `user_info of 2108 bytes ${LIMIT}`,
  ],
]
test.each(REFUSED)('a user_info that %s is refused', async (_, info, message) => {
  await using client = await server().raw()
  const member = memberOf('x', info)
  client.subscribe(ROOM, server().sign(client, ROOM, member), member)
  expect(await client.frames.take(2)).toEqual(makeRefusal(ROOM, 'AuthError', 401, message))
})

test('half of a surrogate pair that came in JSON in JSON is an escape on every wire', async () => {
  const [phoenix] = (await everybody(server())).filter(({ wire }) => wire === 'Phoenix V2')
  await using client = await server().raw()
  const member = memberOf('halved', '{"a":"\ud800"}')
  client.subscribe(ROOM, 'trust me', member)
  expect(await readUntil(phoenix!, 'halved', '{"a":"\\ud800"}')).toBe('as sent')
})
