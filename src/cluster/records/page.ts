/** A page of what has changed in the table, as `scripts/apps-since.lua` tells it. */

/** An item that was changed, or removed where it has no text. */
export type Changed = {
  readonly item: string
  readonly rev: number
  readonly text: string | undefined
}

export type Page = {
  readonly life: string
  /** The number of the table. */
  readonly rev: number
  /** All changes up to this one are here. */
  readonly upTo: number
  /** Marks of what was removed are forgotten up to here. */
  readonly forgotten: number
  /** In the order of their numbers. */
  readonly changes: readonly Changed[]
  /** Of the audit, by their own numbers. */
  readonly rows: readonly (readonly [id: number, text: string])[]
  /** There are more of them. */
  readonly hasMoreRows: boolean
  /** The number of the last row that there is. */
  readonly lastRow: number
}

type Answer = readonly [
  life: string,
  rev: number,
  forgotten: number,
  items: readonly (readonly [item: string, rev: number, text: string | null])[],
  removed: readonly string[],
  rows: readonly (readonly [id: number, text: string])[],
  lastRow: number,
]

/** `most` is how much of each kind was asked for: where there is as much, there may be more. */
export function readPage(answer: unknown, most: number): Page {
  const [life, rev, forgotten, items, removed, rows, lastRow] = answer as Answer
  const changed = items.map(([item, at, text]) => ({ item, rev: at, text: text ?? undefined }))
  const gone: Changed[] = []
  for (let at = 0; at < removed.length; at += 2)
    gone.push({ item: removed[at]!, rev: Number(removed[at + 1]), text: undefined })
  const ends = [
    changed.length === most ? changed.at(-1)!.rev : rev,
    gone.length === most ? gone.at(-1)!.rev : rev,
  ]
  const upTo = Math.min(...ends)
  const changes = [...changed, ...gone]
    .filter((change) => change.rev <= upTo)
    .sort((one, other) => one.rev - other.rev)
  const hasMoreRows = rows.length === most
  return { life, rev, upTo, forgotten, changes, rows, hasMoreRows, lastRow }
}
