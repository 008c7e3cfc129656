/** `carillon listen --live`: prints what happens in an app, a line for each row. */
import type { Around } from './command'
import { LiveStream, type LiveRow } from './live-stream'
import type { Given } from './surroundings'
import type { Terminal } from './terminal'
import { toSafe } from './text'

export type LiveReader = {
  readonly count: number
  /** Called after each line; throws nothing, ends the command where it has to. */
  readonly isTooSlow: () => boolean
}

/** Rows until `count` were printed; true where whoever reads them is too slow. */
export async function listenLive(
  app: string,
  given: Given,
  { client, terminal, signal }: Around,
  { count, isTooSlow }: LiveReader,
): Promise<boolean> {
  const done = new AbortController()
  let [received, isLate] = [0, false]
  const stream = new LiveStream({
    client,
    app,
    query: queryOf(given),
    receive: (row) => {
      if (received === count) return
      received++
      printRow(row, terminal)
      isLate = isTooSlow()
      if (isLate || received === count) done.abort()
    },
    skip: (counts) => printSkipped(counts, terminal),
    note: (line) => terminal.note(line),
    signal: AbortSignal.any([signal, done.signal]),
  })
  await stream.run()
  return isLate
}

function queryOf(given: Given): Record<string, string> {
  const [kinds, channel] = [given.texts('kind').join(','), given.text('channel')]
  return { ...(kinds !== '' && { kinds }), ...(channel !== undefined && { channel }) }
}

function printRow(row: LiveRow, terminal: Terminal): void {
  const { kind, at, ...fields } = row
  const time = new Date(at).toISOString()
  if (terminal.isJson) return terminal.jsonLine({ time, kind, ...fields })
  const [channel, what, detail] = cellsOf(row).map(toSafe)
  if (!terminal.isTerminal) return terminal.lines([time, kind, channel, what, detail].join('\t'))
  const told = [channel, terminal.bold(what!), detail].filter(Boolean).join(' ')
  terminal.lines(`${terminal.dim(time.slice(11, 23))} ${kind.padEnd(KIND_WIDTH)} ${told}`)
  for (const line of linesBelow(row))
    terminal.lines(`${' '.repeat(13 + KIND_WIDTH)} ${terminal.dim(toSafe(line))}`)
}

const KIND_WIDTH = 16

/** What is not shown cannot be looked at later: it is said where the rows are. */
function printSkipped(counts: Readonly<Record<string, unknown>>, terminal: Terminal): void {
  const parts = Object.entries(counts).map(([kind, count]) => `${String(count)} ${kind}`)
  if (terminal.isJson) terminal.jsonLine({ kind: 'skipped', counts })
  else terminal.note(`not shown: ${parts.join(', ')}`)
}

const textOf = (value: unknown): string =>
  value === undefined || value === null
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value)

/** Channel, event or code, and the rest in one text. */
function cellsOf(row: LiveRow): [channel: string, what: string, detail: string] {
  const {
    kind: _kind,
    at: _at,
    channel,
    event,
    code,
    message,
    data,
    data_beginning: beginning,
    signature: _signature,
    cause: _cause,
    likely: _likely,
    remedy: _remedy,
    ...rest
  } = row
  const isRefusal = message !== undefined
  const what = isRefusal ? code : event
  const fields = { ...(!isRefusal && code !== undefined && { code }), ...rest }
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${textOf(value)}`)
  const said = [textOf(message), ...pairs, textOf(data), textOf(beginning)].filter(Boolean)
  return [textOf(channel), textOf(what), said.join(' ')]
}

/** Why somebody was refused, and what to do. */
function linesBelow({ signature, likely, remedy }: LiveRow): string[] {
  const { should_sign: text } = (signature ?? {}) as { should_sign?: unknown }
  return [
    text === undefined ? '' : `to sign: ${JSON.stringify(text)}`,
    [likely, remedy].map(textOf).filter(Boolean).join(' '),
  ].filter(Boolean)
}
