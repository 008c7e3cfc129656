/** Connecting, refusals, pings; messages that are none. */
import type { Case, Group } from '../case'
import type { WireClient } from '../clients/wire'
import { expectSame, expectThat, parseJson } from '../mismatch'

const UNKNOWN_KEY = 'conformance-no-such-key'

type Sent = readonly [what: string, message: string]

const UNKNOWN: readonly Sent[] = [
  ['an unknown pusher: event', '{"event":"pusher:conformance","data":{}}'],
  ['an unknown event without client-', '{"event":"conformance","channel":"room","data":{}}'],
  ['a pong that nobody asked for', '{"event":"pusher:pong","data":{}}'],
]

const MALFORMED_MESSAGES: readonly Sent[] = [
  ['a message that is no JSON', 'no JSON'],
  ['JSON that is no message', '[1,"a",null]'],
  ['a subscription without a channel', '{"event":"pusher:subscribe","data":{}}'],
  ['a channel that is no text', '{"event":"pusher:subscribe","data":{"channel":5}}'],
]

const survive = ([what, message]: Sent): Case => ({
  name: `${what} does not end the connection`,
  spec: 'Protocol, pusher:error',
  async play(stage) {
    const client = await stage.wire()
    client.send(message)
    await client.expectAlive('')
  },
})

export const CONNECTING: Group = {
  name: 'connecting',
  about: 'the greeting, versions of the protocol, refusals, pings',
  cases: [
    {
      name: 'pusher-js connects and has a socket id',
      spec: 'Protocol, Connection',
      async play(stage) {
        const client = stage.pusherJs()
        await client.state('connected')
        const id = client.pusher.connection.socket_id
        expectThat(/^\d+\.\d+$/.test(id), 'two numbers with a dot between them', id)
      },
    },
    {
      name: 'the first message is the greeting, its data a text with socket_id and activity_timeout',
      spec: 'Protocol, pusher:connection_established',
      async play(stage) {
        const { data } = await stage.dial().nextOf('pusher:connection_established')
        const { socket_id, activity_timeout } = parseJson('data', data) as Record<string, unknown>
        const isId = typeof socket_id === 'string' && /^\d+\.\d+$/.test(socket_id)
        expectThat(isId, 'socket_id of two numbers with a dot between them', data)
        const isTime = Number.isInteger(activity_timeout) && Number(activity_timeout) > 0
        expectThat(isTime, 'activity_timeout in whole seconds', data)
      },
    },
    {
      name: 'two connections have different socket ids',
      spec: 'Protocol, pusher:connection_established',
      async play(stage) {
        const [one, other] = [await stage.wire(), await stage.wire()]
        expectThat(one.socketId !== other.socketId, 'another socket_id', one.socketId)
      },
    },
    {
      name: 'a client that names no library is served',
      spec: 'Protocol, Connection',
      async play(stage) {
        await stage.wire({ query: 'protocol=7' })
      },
    },
    {
      name: 'parameters that nobody knows are ignored',
      spec: 'Protocol, Connection',
      async play(stage) {
        await stage.wire({ query: 'protocol=7&client=js&version=8.6.0&unknown=1&flash=false' })
      },
    },
    ...[5, 6].map(
      (version) =>
        ({
          name: `protocol ${version} is served`,
          spec: 'Protocol, Version history',
          play: async (stage) => {
            await stage.wire({ query: `protocol=${version}&client=js&version=2.0.0` })
          },
        }) satisfies Group['cases'][number],
    ),
    {
      name: 'protocol 1 is refused with 4007',
      spec: 'Protocol, Error codes (4007)',
      async play(stage) {
        const client = stage.dial({ query: 'protocol=1&client=js&version=8.6.0' })
        await expectFatal(client, 4007)
      },
    },
    {
      name: 'an unknown key is refused with 4001',
      spec: 'Protocol, Error codes (4001)',
      play: (stage) => expectFatal(stage.dial({ key: UNKNOWN_KEY }), 4001),
    },
    {
      name: 'pusher-js is told 4001 for an unknown key, and does not come back',
      spec: 'Protocol, Error codes (4000 to 4099)',
      async play(stage) {
        const client = stage.pusherJs({ key: UNKNOWN_KEY })
        const { error } = await client.errors.next('an error of pusher-js')
        expectSame('the code', error?.data?.code, 4001)
        await client.state('disconnected')
      },
    },
    ...(
      [
        ['pusher:ping is answered with pusher:pong', { event: 'pusher:ping', data: {} }],
        ['so is one whose data is a text', { event: 'pusher:ping', data: '{}' }],
        ['so is one without data', { event: 'pusher:ping' }],
      ] as const
    ).map(([name, ping]): Case => ({
      name,
      spec: 'Protocol, Ping and pong messages',
      async play(stage) {
        const client = await stage.wire()
        client.send(ping)
        await client.nextOf('pusher:pong')
      },
    })),
    ...UNKNOWN.map(survive),
  ],
}

export const MALFORMED: Group = {
  name: 'malformed',
  about: 'messages that are none',
  asked: 'a server that does not expect them may end itself: --with malformed',
  cases: MALFORMED_MESSAGES.map(survive),
}

/** The end of a connection that may not be, told by an error, a close code or both. */
async function expectFatal(client: WireClient, code: number): Promise<void> {
  const message = await client.next(`pusher:error ${code}`).catch(() => undefined)
  if (message !== undefined) {
    const given = (message.data as { code?: unknown } | undefined)?.code
    const isIt = message.event === 'pusher:error' && given === code
    expectThat(isIt, `pusher:error whose data is an object with the code ${code}`, message)
  }
  const { code: closed } = await client.nextClose(`the end of the connection (${code})`)
  // Clients act on whichever comes first.
  expectThat(message !== undefined || closed === code, `close code ${code}`, closed)
}
