/** Command lines for a row: what sends an event again, what watches rows of the same kind. They are tried by a test. */
import { shellText } from '../connect/quotes'
import { fieldsOf, textOf, type LiveRow } from './row'

export type CommandPlace = {
  readonly slug: string
  readonly key: string
  /** Where clients and backends connect; ends with a slash. */
  readonly publicUrl: string
  /** Where the admin API is; ends with a slash. */
  readonly adminUrl: string
}

export type RowCommand = { readonly title: string; readonly about: string; readonly line: string }

/** What can be done again from a shell; the secret comes from its environment, and the password is asked for. */
export function commandsOf(row: LiveRow, place: CommandPlace): readonly RowCommand[] {
  const watch = watchingOf(row, place)
  const isWhole = fieldsOf(row)['data_beginning'] === undefined
  return row.kind === 'published' && isWhole ? [sendingOf(row, place), watch] : [watch]
}

function sendingOf(row: LiveRow, { key, publicUrl }: CommandPlace): RowCommand {
  const { channel, what: event } = row
  const body = JSON.stringify({ channel, event, data: valueOf(fieldsOf(row)['data']) })
  const lines = [
    `curl -u ${shellText(key)}:"$PUSHER_APP_SECRET"`,
    `-H 'content-type: application/json'`,
    `-d ${shellText(body)}`,
    shellText(`${publicUrl}api/push`),
  ]
  return {
    title: 'Send it again',
    about: 'PUSHER_APP_SECRET is the secret of the app.',
    line: lines.join(' \\\n  '),
  }
}

/** Data of a backend is text, which is JSON for most: that is what was sent. */
export function valueOf(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    const value: unknown = JSON.parse(data)
    // A number or a text in quotes would arrive without its quotes.
    return typeof value === 'object' && value !== null ? value : data
  } catch {
    return data // SyntaxError: it is text
  }
}

function watchingOf({ kind, channel }: LiveRow, { slug, adminUrl }: CommandPlace): RowCommand {
  const search = new URLSearchParams({ kinds: kind, ...(channel !== '' && { channel }) })
  const url = `${adminUrl}api/admin/apps/${encodeURIComponent(slug)}/live?${search}`
  return {
    title: 'Watch such rows',
    about: 'CARILLON_TOKEN is a token for the admin API; -u NAME asks for a password instead.',
    line: `curl -N -H "Authorization: Bearer $CARILLON_TOKEN" \\\n  ${shellText(url)}`,
  }
}

/** Data for people: JSON is indented, also where it is in a text. */
export function prettyData(data: unknown): string {
  const value = valueOf(data)
  return typeof value === 'string' ? value : textOf(JSON.stringify(value, null, 2))
}
