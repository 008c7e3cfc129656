/** OUTDATED: client libraries that lack something which servers and backends count on, by how they call themselves. */
import type { Core } from '../core/core'
import { newTally, type Tally } from '../core/counters'
import { toOneLine } from '../core/errors'

type Row = {
  /** As it names itself when it connects. */
  readonly library: string
  readonly name: string
  /** The first version that is not outdated: major, minor. */
  readonly since: readonly [number, number]
}

/** What each lacks is in the remedy of the problem. */
export const OUTDATED: readonly Row[] = [{ library: 'js', name: 'pusher-js', since: [7, 1] }]

const MOST_VERSION_CHARS = 16

/** How often each has connected since it is known, as `pusher-js 4.1.0`. At most a thousand are looked at. */
export function outdatedClients({ software }: Pick<Core, 'software'>): Tally {
  const found = newTally()
  for (const { library, version = '', connects } of software.known()) {
    const row = OUTDATED.find((each) => each.library === library)
    if (!row || !isBefore(version, row.since)) continue
    const name = `${row.name} ${toOneLine(version, MOST_VERSION_CHARS)}`
    found[name] = (found[name] ?? 0) + connects
  }
  return found
}

/** False for what is no version. */
function isBefore(version: string, [major, minor]: Row['since']): boolean {
  const [, first, second] = /^(\d{1,4})\.(\d{1,4})/.exec(version) ?? []
  if (first === undefined) return false
  return Number(first) < major || (Number(first) === major && Number(second) < minor)
}
