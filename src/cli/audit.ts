/**
 * `carillon audit`: who changed what on the admin's side.
 */
import { SERVER_OPTIONS, type CommandRow } from './command'
import type { Client } from './client'
import type { Given } from './surroundings'
import { readTime, showTime } from './times'

type Entry = {
  readonly id: number
  readonly at: number
  readonly action: string
  readonly actor: { readonly kind: string; readonly id: string | null; readonly name: string }
  readonly address: string
  readonly request_id: string | null
  readonly app_id: string | null
  readonly target: string | null
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
}

const USUAL_COUNT = 100
const PAGE = 500
const MAX_COUNT = 1_000_000

export const AUDIT: CommandRow = {
  name: 'audit',
  about: 'list who changed what on the admin side, the newest first',
  options: [
    ['--app <slug>', 'only of this app, by its slug or id'],
    ['--actor <name>', 'only by this name, or token of this id'],
    ['--action <action>', 'only of this kind: app.changed, key.added, ...'],
    ['--since <time>', 'only since then: a duration like 24h, or a time'],
    ['--until <time>', 'only before then'],
    ['--count <number>', `how many at most, ${USUAL_COUNT} by default`],
    ...SERVER_OPTIONS,
  ],
  examples: [
    ['audit --app my-shop --action key.added', 'who rotated the key of an app, and when'],
    ['audit --since 24h --json | jq ".[].after"', 'what was changed today, secrets masked'],
  ],
  run: async (given, { client, terminal }) => {
    const entries = await findEntries(client, given)
    if (terminal.isJson) return terminal.json(entries)
    terminal.table(
      ['TIME', 'WHO', 'ACTION', 'APP', 'WHAT', 'FROM'].map((title) => ({ title })),
      entries.map((entry) => [
        showTime(entry.at),
        entry.actor.name,
        entry.action,
        entry.app_id,
        entry.target ?? Object.keys(entry.after ?? entry.before ?? {}).join(','),
        entry.address,
      ]),
      'nothing was changed',
    )
  },
}

/** Reads page after page, until there are as many as were asked for. */
async function findEntries(client: Client, given: Given): Promise<readonly Entry[]> {
  const count = given.number('count', 1, MAX_COUNT) ?? USUAL_COUNT
  const [since, until] = [given.text('since'), given.text('until')]
  const filters = {
    app: given.text('app'),
    actor: given.text('actor'),
    action: given.text('action'),
    from: since && String(readTime(since, '--since', 'ago')),
    to: until && String(readTime(until, '--until', 'ago')),
  }
  const entries: Entry[] = []
  let cursor: string | undefined
  do {
    const limit = String(Math.min(PAGE, count - entries.length))
    const query = Object.entries({ ...filters, limit, cursor }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as [string, string]],
    )
    const page = (await client.admin(`/audit?${new URLSearchParams(query)}`)) as {
      readonly data: readonly Entry[]
      readonly next: string | null
    }
    entries.push(...page.data)
    cursor = page.next ?? undefined
  } while (cursor !== undefined && entries.length < count)
  return entries
}
