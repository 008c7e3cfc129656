/** Connections as rows. */
import type { ComponentChildren } from 'preact'
import { formatBytes, formatDuration } from '../format'
import { navigate } from '../router'
import { Num, Rows, Time, type Column } from '../ui/ui'
import { useTick } from '../ui/values'
import type { ConnectionRow } from './data'
import { connectionHref } from './links'
import { describeClient, describeProtocol } from './words'

type ListProps = {
  readonly slug: string
  readonly items: readonly ConnectionRow[]
  readonly onEnd?: () => void
  readonly turn?: unknown
  /** Beside something else: only what tells them apart. */
  readonly isBrief?: boolean
  /** Instead of rows, where there are none. */
  readonly children?: ComponentChildren
}

const columnsOf = (slug: string): readonly Column<ConnectionRow>[] => [
  {
    title: 'Connection',
    width: 'minmax(9rem, 1.6fr)',
    cell: ({ socket_id: id }) => (
      <a class="mono" href={connectionHref(slug, id)} title={id}>
        {id}
      </a>
    ),
  },
  {
    title: 'User',
    width: 'minmax(5rem, 1fr)',
    cell: ({ user_id: id }) => id !== null && <span title={id}>{id}</span>,
  },
  {
    title: 'From',
    width: 'minmax(8rem, 1fr)',
    isWide: true,
    cell: ({ address }) => <span title={address}>{address}</span>,
  },
  {
    title: 'Client',
    width: 'minmax(8rem, 1.2fr)',
    isWide: true,
    cell: (row) => <span title={row.user_agent ?? undefined}>{describeClient(row)}</span>,
  },
  {
    title: 'Over',
    width: 'minmax(7rem, 0.8fr)',
    isWide: true,
    cell: ({ protocol, transport }) =>
      `${describeProtocol(protocol)}${transport === 'http' ? ' over HTTP' : ''}`,
  },
  {
    title: 'Channels',
    width: '5rem',
    isWide: true,
    isNumber: true,
    cell: ({ channel_count: count }) => <Num value={count} unit="" />,
  },
  { title: 'For', width: '6.5rem', isNumber: true, cell: (row) => <Since at={row.since} /> },
  {
    title: 'Waiting',
    width: '5rem',
    isWide: true,
    isNumber: true,
    cell: ({ waiting_bytes: bytes }) =>
      bytes > 0 && (
        <span class="tag warn" title={`${bytes} bytes are sent, and not read yet`}>
          {formatBytes(bytes)}
        </span>
      ),
  },
]

/** How long it has been there, with the time under the pointer. */
export function Since({ at }: { readonly at: number }) {
  useTick(1000)
  return (
    <time dateTime={new Date(at).toISOString()} title={new Date(at).toISOString()}>
      {formatDuration(Math.max(1000, Date.now() - at))}
    </time>
  )
}

const BRIEF: readonly string[] = ['Connection', 'User', 'Client', 'For']

const briefOf = (columns: readonly Column<ConnectionRow>[]) =>
  columns.filter(({ title }) => BRIEF.includes(title))

export const ConnectionList = ({ slug, items, isBrief, children, ...rest }: ListProps) => (
  <Rows
    label="Connections"
    items={items}
    columns={isBrief ? briefOf(columnsOf(slug)) : columnsOf(slug)}
    keyOf={({ socket_id: id }) => id}
    onOpen={({ socket_id: id }) => navigate(connectionHref(slug, id))}
    {...rest}
  >
    {children}
  </Rows>
)

/** When a connection was established. */
export const SinceWhen = ({ at }: { readonly at: number }) => (
  <>
    <Time at={at} /> (for <Since at={at} />)
  </>
)
