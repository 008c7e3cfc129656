/**
 * `carillon listen`: prints events as they come, or what happens in an app, until it is ended.
 */
import { parseRecord } from '../core/json'
import { APP_OPTIONS, type Around, type CommandRow } from './command'
import type { Given } from './surroundings'
import { unreachableError } from './client'
import { CommandError, usageError } from './exits'
import { listenLive } from './live'
import { Subscriber, type ReceivedEvent } from './subscriber'
import type { Terminal } from './terminal'
import { toSafe } from './text'

const MAX_REWIND = 1000

export const LISTEN: CommandRow = {
  name: 'listen',
  about: 'print the events of channels as they come, or all that happens in an app',
  details:
    "Private and presence channels are signed with the app's secret; in a presence channel it is a member that the others see. It comes back after a cut, and gets what it missed where the channel keeps its events. Ctrl-C ends it. With --live it is nobody's subscriber: it prints connections, subscriptions, events, refusals and why, webhooks and their answers.",
  arguments: [['[channel...]', 'names of channels']],
  options: [
    ['--count <number>', 'end after so many events'],
    ['--live <app>', 'print what happens in an app, by its slug or id, for its operators'],
    ['--kind <kind...>', 'with --live: only rows of these kinds, such as refused'],
    ['--channel <prefix>', 'with --live: only what is about channels that begin so'],
    ['--rewind <number>', 'begin with so many of the last events of each channel'],
    ['--user-id <id>', 'who it is in presence channels'],
    ['--user-info <json>', 'what the others see of it there, a JSON object'],
    ...APP_OPTIONS,
  ],
  examples: [
    ['listen my-channel private-room', 'time, channel, event and data of each event'],
    ['listen my-channel --json | jq .data', 'one JSON object in each line'],
    ['listen my-channel --count 1', 'waits for one event'],
    ['listen --live my-shop --kind refused', 'who is refused, and why'],
  ],
  run: listen,
}

async function listen(given: Given, around: Around): Promise<void> {
  const count = given.number('count', 1, Number.MAX_SAFE_INTEGER) ?? Infinity
  const app = given.text('live')
  const isLive = app !== undefined
  requireEither(given, isLive)
  if (!isLive) return await listenToChannels(given, around, count)
  const isTooSlow = (): boolean => around.terminal.waitingChars >= MAX_WAITING_CHARS
  if (await listenLive(app, given, around, { count, isTooSlow })) throw tooSlow()
}

/** @throws CommandError for options that are not of what is asked for */
function requireEither(given: Given, isLive: boolean): void {
  const hasChannels = given.several(0).length > 0
  if (isLive && hasChannels) throw usageError('--live takes no channels: --channel is a filter')
  if (!isLive && !hasChannels) throw usageError('which channels, or --live and which app?')
  const isFiltered = given.texts('kind').length > 0 || given.text('channel') !== undefined
  if (!isLive && isFiltered) throw usageError('--kind and --channel are for --live')
}

async function listenToChannels(given: Given, around: Around, count: number): Promise<void> {
  const { client, terminal } = around
  const done = new AbortController()
  let [received, fault]: [number, CommandError | undefined] = [0, undefined]
  const receive = (event: ReceivedEvent): void => {
    if (received === count) return
    received++
    if (!print(event, terminal)) fault = tooSlow()
    if (fault || received === count) done.abort()
  }
  const subscriber = new Subscriber({
    base: client.target.place.base,
    tls: client.target.place.tls,
    app: await client.app(),
    channels: [...new Set(given.several(0))],
    rewind: given.number('rewind', 0, MAX_REWIND),
    member: memberOf(given),
    receive,
    note: (line) => terminal.note(line),
    signal: AbortSignal.any([around.signal, done.signal]),
    unreachable: () => unreachableError(client.target.place),
  })
  await subscriber.run()
  if (fault) throw fault
}

function memberOf(given: Given): string {
  const userId =
    given.text('user-id') ?? `carillon-listen-${Math.random().toString(36).slice(2, 8)}`
  const text = given.text('user-info')
  const info = text === undefined ? undefined : parseRecord(text)
  if (text !== undefined && !info) throw usageError('--user-info expects a JSON object')
  return JSON.stringify({ user_id: userId, ...(info && { user_info: info }) })
}

/** What may wait for a reader that is slower than the events. */
const MAX_WAITING_CHARS = 16_000_000

/** False where too much waits to be read. */
function print(event: ReceivedEvent, terminal: Terminal): boolean {
  const { time, channel, event: name, data, userId, position } = event
  const date = new Date(time).toISOString()
  if (terminal.isJson) {
    const more = { ...(userId !== undefined && { user_id: userId }), ...position }
    terminal.jsonLine({ time: date, channel, event: name, data, ...more })
  } else {
    const [shownChannel, shownName, shownData] = [channel, name, data].map(toSafe)
    const line = terminal.isTerminal
      ? `${terminal.dim(date.slice(11, 23))} ${shownChannel} ${terminal.bold(shownName!)} ${shownData}`
      : [date, shownChannel, shownName, shownData].join('\t')
    terminal.lines(line)
  }
  return terminal.waitingChars < MAX_WAITING_CHARS
}

const tooSlow = (): CommandError =>
  new CommandError('failed', 'whoever reads the output is slower than the events: 16 MB wait')
