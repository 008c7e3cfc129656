/** The rows of a live stream as a list. */
import './live.css'
import type { ComponentChildren } from 'preact'
import { formatUtc } from '../format'
import { Rows, type Column } from '../ui/ui'
import { KINDS } from './kinds'
import type { LiveRow } from './row'

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

/** Local, to the millisecond, with UTC under the pointer. */
const LiveTime = ({ at }: { readonly at: number }) => (
  <time class="num" dateTime={new Date(at).toISOString()} title={formatUtc(at)}>
    {CLOCK.format(at)}
    <small>.{String(at % 1000).padStart(3, '0')}</small>
  </time>
)

const KindTag = ({ row }: { readonly row: LiveRow }) => (
  <span class={`tag ${KINDS[row.kind].look}`}>{KINDS[row.kind].title}</span>
)

const COLUMNS: readonly Column<LiveRow>[] = [
  { title: 'Time', width: '6.5rem', cell: ({ at }) => <LiveTime at={at} /> },
  { title: 'Kind', width: '8rem', cell: (row) => <KindTag row={row} /> },
  {
    title: 'Channel',
    width: 'minmax(6rem, 14rem)',
    cell: ({ channel }) => <span title={channel}>{channel}</span>,
    isWide: true,
  },
  {
    title: 'Event',
    width: 'minmax(6rem, 16rem)',
    cell: ({ what, channel }) => (
      <>
        <b title={what}>{what}</b> <span class="live-narrow">{channel}</span>
      </>
    ),
  },
  {
    title: 'Detail',
    width: 'minmax(8rem, 1fr)',
    cell: ({ detail }) => <span class="live-what">{detail}</span>,
    isWide: true,
  },
]

type ListProps = {
  readonly label: string
  readonly rows: readonly LiveRow[]
  readonly open: LiveRow | undefined
  readonly onOpen: (row: LiveRow) => void
  readonly onMove?: (row: LiveRow) => void
  readonly onAway?: (isAway: boolean) => void
  readonly turn?: unknown
  /** Without the column that has the same in all rows. */
  readonly isOneChannel?: boolean
  readonly children?: ComponentChildren
}

export function LiveList({ rows, open, isOneChannel = false, ...rest }: ListProps) {
  const columns = isOneChannel ? COLUMNS.filter(({ title }) => title !== 'Channel') : COLUMNS
  return (
    <Rows
      {...rest}
      items={rows}
      columns={columns}
      keyOf={({ id }) => String(id)}
      isOpen={({ id }) => id === open?.id}
      rowHeight={32}
    />
  )
}
