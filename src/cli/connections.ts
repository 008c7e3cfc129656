/**
 * `carillon connections`: who is connected to an app, and the end of one.
 */
import { dataOf, type Client } from './client'
import { APP_OPTIONS, type ArgumentRow, type CommandRow } from './command'
import type { Given } from './surroundings'
import { showTime } from './times'

type Connection = {
  readonly socket_id: string
  readonly since: number
  readonly address: string
  readonly transport: string
  readonly protocol: string
  readonly client: string | null
  readonly client_version: string | null
  readonly user_agent: string | null
  readonly user_id: string | null
  readonly channel_count: number
  readonly waiting_bytes: number
}

type ShownConnection = Connection & {
  readonly user_info: unknown
  readonly channels: readonly { readonly name: string; readonly user_id: string | null }[]
}

const SOCKET_ID: ArgumentRow = ['<socket-id>', 'as `connections list` shows it']
const USUAL_COUNT = 100
const PAGE = 500
const MAX_COUNT = 1_000_000

export const CONNECTIONS: readonly CommandRow[] = [
  {
    name: 'connections list',
    about: 'list who is connected to an app, the newest first',
    options: [
      ['--channel <name>', 'only its subscribers'],
      ['--user <id>', 'only connections that are signed in as this user'],
      ['--count <number>', `how many at most, ${USUAL_COUNT} by default`],
      ...APP_OPTIONS,
    ],
    examples: [
      ['connections list --user 7', 'where a user is signed in'],
      ['connections list --channel my-channel --json', 'who is subscribed, with their clients'],
    ],
    run: async (given, { client, terminal }) => {
      const connections = await findConnections(client, given)
      if (terminal.isJson) return terminal.json(connections)
      terminal.table(
        [
          { title: 'SOCKET ID' },
          { title: 'SINCE' },
          { title: 'FROM' },
          { title: 'CLIENT' },
          { title: 'USER' },
          { title: 'CHANNELS', isNumber: true },
        ],
        connections.map((each) => [
          each.socket_id,
          showTime(each.since),
          each.address,
          describeClient(each),
          each.user_id,
          each.channel_count,
        ]),
        'nobody is connected',
      )
    },
  },
  {
    name: 'connections show',
    about: 'show a connection: where it is from, its client, its user, its channels',
    arguments: [SOCKET_ID],
    options: APP_OPTIONS,
    examples: [['connections show 123.456', 'what is known of it']],
    run: async (given, { client, terminal }) => {
      const id = given.argument(0)
      const answer = await client.admin(await pathOf(client, id), { sought: soughtOf(id) })
      const shown = dataOf<ShownConnection>(answer)
      if (terminal.isJson) return terminal.json(shown)
      terminal.fields([
        ['socket id', shown.socket_id],
        ['since', showTime(shown.since)],
        ['address', shown.address],
        ['over', `${shown.protocol}, ${shown.transport}`],
        ['client', describeClient(shown)],
        ['user agent', shown.user_agent],
        ['user', shown.user_id],
        ['info', shown.user_info === null ? null : JSON.stringify(shown.user_info)],
        ['waiting', `${shown.waiting_bytes} bytes`],
        ['channels', shown.channels.map(({ name }) => name).join(' ')],
      ])
    },
  },
  {
    name: 'connections end',
    about: 'close a connection; its client stays away, or comes back',
    details:
      'Clients of Pusher stay away until their program connects again, or come back at once with --reconnect. Phoenix clients come back.',
    arguments: [SOCKET_ID],
    options: [['--reconnect', 'its client is to come back at once'], ...APP_OPTIONS],
    examples: [
      ['connections end 123.456', 'it is closed with 4009'],
      ['connections end 123.456 --reconnect', 'with 4200'],
    ],
    run: async (given, { client, terminal }) => {
      const id = given.argument(0)
      const path = `${await pathOf(client, id)}?reconnect=${given.has('reconnect')}`
      await client.admin(path, { method: 'DELETE', sought: soughtOf(id) })
      if (terminal.isJson) terminal.json({ ended: id })
      else terminal.say(`${id} is ended`)
    },
  },
]

const soughtOf = (id: string): string => `the connection ${id}`

async function pathOf(client: Client, id?: string): Promise<string> {
  const app = encodeURIComponent(await client.appId())
  return `/apps/${app}/connections${id === undefined ? '' : `/${encodeURIComponent(id)}`}`
}

const describeClient = ({ client, client_version: version, user_agent: agent }: Connection) =>
  [client, version].filter(Boolean).join(' ') || agent

/** Reads page after page, until there are as many as were asked for. */
async function findConnections(client: Client, given: Given): Promise<readonly Connection[]> {
  const count = given.number('count', 1, MAX_COUNT) ?? USUAL_COUNT
  const filters = { channel: given.text('channel'), user: given.text('user') }
  const path = await pathOf(client)
  const connections: Connection[] = []
  let cursor: string | undefined
  do {
    const limit = String(Math.min(PAGE, count - connections.length))
    const query = Object.entries({ ...filters, limit, cursor }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as [string, string]],
    )
    const page = (await client.admin(`${path}?${new URLSearchParams(query)}`, {
      sought: 'the app',
    })) as { readonly data: readonly Connection[]; readonly next: string | null }
    connections.push(...page.data)
    cursor = page.next ?? undefined
  } while (cursor !== undefined && connections.length < count)
  return connections
}
