/** What nodes say of themselves: when they were deaf, and what went wrong. */
import type { NodeProcess } from '../redis/nodes'
import type { Journal } from './journal'

/** A line of a log. */
type Line = Readonly<Record<string, unknown>>

/** pino's number for `error`. */
const ERROR = 50

const isError = ({ level }: Line): boolean =>
  level === 'error' || level === ERROR || level === 'fatal'

/** Reads the logs of all nodes. */
export function readLogs(nodes: readonly NodeProcess[]): {
  readonly entries: Journal
  readonly text: string
} {
  const entries = nodes.flatMap((node) => node.logLines.flatMap((line) => readLine(node, line)))
  const text = nodes.map(({ name, log }) => `=== ${name}\n${log}`).join('\n')
  return { entries, text }
}

function readLine({ name: node }: NodeProcess, line: Line): Journal {
  const at = Date.parse(String(line['time'])) || Number(line['time'])
  const { deafMs } = line
  if (typeof deafMs === 'number') return [{ at, type: 'deaf', node, since: at - deafMs, until: at }]
  const isOfRedis = String(line['msg']).startsWith('redis:')
  if (isError(line) && !isOfRedis) return [{ at, type: 'failed', node, what: JSON.stringify(line) }]
  return []
}
