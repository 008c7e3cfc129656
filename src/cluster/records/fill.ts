/** Fills the table in Redis with what this node has, or adds what only this node has to a table of others. */
import type { Mirror, MirrorState } from '../../core/mirror'
import { newNonce } from '../context'
import type { Known, Table } from './table'
import {
  itemOfAdmin,
  itemOfApp,
  itemOfOverrides,
  itemOfShared,
  itemOfToken,
  rowText,
  type Item,
} from './wire'

/** Characters of one command. */
const CHUNK_CHARS = 500_000
const CHUNK_ITEMS = 100
/** Rows of the audit that Redis keeps. */
const MOST_ROWS = 10_000

/** All that this node has, but for the audit. */
export function itemsOf(mirror: Mirror): Item[] {
  const admin = mirror.admin()
  return [
    ...mirror.apps().map(itemOfApp),
    ...Array.from(mirror.overrides(), ([id, overrides]) => itemOfOverrides(id, overrides)),
    ...mirror.tokens().map(itemOfToken),
    ...(admin ? [itemOfAdmin(admin)] : []),
    ...mirror.shared().map(itemOfShared),
  ]
}

/** Returns what the table is from now on; undefined where another node fills it by now. Rejects with RedisAway. */
export async function fillTable(table: Table, mirror: Mirror): Promise<MirrorState | undefined> {
  const before = mirror.state()
  const items = itemsOf(mirror)
  const last = mirror.lastRow()
  if (!(await table.fill('', 'begin'))) return undefined
  for (const chunk of chunksOf(items))
    if (!(await table.fill('', 'put', ...chunk.flat()))) return undefined
  for (let after = Math.max(0, last - MOST_ROWS); after < last;) {
    const rows = mirror.rows(after, CHUNK_ITEMS)
    const pairs = rows.flatMap(({ id, ...entry }) => [id, rowText(entry)])
    if (!(await table.fill('', 'rows', ...pairs))) return undefined
    after = rows.at(-1)?.id ?? last
  }
  const life = newNonce()
  const origin = before.origin === '' ? newNonce() : before.origin
  const rev = Math.max(before.rev, items.length, last)
  return (await table.fill(life, 'end', rev, origin, last)) ? { origin, life, rev } : undefined
}

/** Adds what nobody else has; what clashes stays out. Rejects with RedisAway. */
export async function addToTable(
  table: Table,
  known: Known,
  mirror: Mirror,
  now: number,
): Promise<void> {
  for (const item of itemsOf(mirror)) await table.write(known, { verb: 'add', item, row: '', now })
}

function* chunksOf(items: readonly Item[]): Generator<readonly Item[]> {
  let chunk: Item[] = []
  let chars = 0
  for (const item of items) {
    if (chunk.length === CHUNK_ITEMS || (chunk.length > 0 && chars > CHUNK_CHARS)) {
      yield chunk
      chunk = []
      chars = 0
    }
    chunk.push(item)
    chars += item[2].length
  }
  if (chunk.length > 0) yield chunk
}
