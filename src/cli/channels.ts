/**
 * `carillon channels` and `carillon trigger`: the signed API of one app.
 */
import { APP_OPTIONS, type CommandRow } from './command'
import { readText } from './surroundings'

type Counts = { readonly subscription_count?: number; readonly user_count?: number }
type ChannelsAnswer = { readonly channels: Readonly<Record<string, Counts>> }

const PRESENCE = 'presence-'

export const CHANNELS: readonly CommandRow[] = [
  {
    name: 'channels',
    about: 'list the occupied channels of an app, with how many are in them',
    options: [['--prefix <text>', 'only those whose names begin so'], ...APP_OPTIONS],
    examples: [
      ['channels', 'subscriptions of each channel, users of presence channels'],
      ['channels --prefix presence- --app my-shop', 'presence channels of another app'],
    ],
    run: async (given, { client, terminal }) => {
      const app = await client.app()
      const prefix = given.text('prefix') ?? ''
      const list = async (info: string, start: string): Promise<ChannelsAnswer['channels']> => {
        const query = { info, ...(start !== '' && { filter_by_prefix: start }) }
        return ((await client.signed(app, '/channels', { query })) as ChannelsAnswer).channels
      }
      const all = await list('subscription_count', prefix)
      // Users are known of presence channels only, and are asked for with their prefix.
      const isSome = Object.keys(all).some((name) => name.startsWith(PRESENCE))
      const users = isSome
        ? await list('user_count', prefix.startsWith(PRESENCE) ? prefix : PRESENCE)
        : {}
      const names = Object.keys(all).toSorted()
      if (terminal.isJson)
        return terminal.json(
          Object.fromEntries(names.map((name) => [name, { ...all[name], ...users[name] }])),
        )
      terminal.table(
        [
          { title: 'CHANNEL' },
          { title: 'SUBSCRIPTIONS', isNumber: true },
          { title: 'USERS', isNumber: true },
        ],
        names.map((name) => [name, all[name]!.subscription_count, users[name]?.user_count]),
        'no channel is occupied',
      )
    },
  },
  {
    name: 'trigger',
    about: 'trigger an event on a channel',
    arguments: [
      ['<channel>', 'its name'],
      ['<event>', 'name of the event'],
      ['<data>', 'its data, as text; - is standard input'],
    ],
    options: [
      ['--socket-id <id>', 'a connection that does not get it'],
      ['--idempotency-key <key>', 'a repeat with the same key triggers nothing more'],
      ...APP_OPTIONS,
    ],
    examples: [
      [`trigger my-channel my-event '{"hello":"world"}'`, 'to all subscribers of my-channel'],
      ['trigger my-channel my-event - < data.json', 'data from a file'],
    ],
    run: async (given, around) => {
      const { client, terminal } = around
      const [channel, name, text] = [0, 1, 2].map((at) => given.argument(at)) as [
        string,
        string,
        string,
      ]
      const data = text === '-' ? (await readText('-', 'data', around)).replace(/\r?\n$/, '') : text
      const [socketId, key] = [given.text('socket-id'), given.text('idempotency-key')]
      const body = {
        name,
        channel,
        data,
        ...(socketId !== undefined && { socket_id: socketId }),
        ...(key !== undefined && { idempotency_key: key }),
      }
      const answer = await client.signed(await client.app(), '/events', { method: 'POST', body })
      if (terminal.isJson) terminal.json(answer)
      else terminal.say(`${name} is published on ${channel}`)
    },
  },
]
