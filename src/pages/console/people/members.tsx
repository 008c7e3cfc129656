/** The members of a presence channel, as they come and go. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Empty, Rows, Show, type Column } from '../ui/ui'
import { loadMembers, type Member } from './data'
import { ListState } from './frame'
import { usePaged } from './use-paged'
import { beginningOf } from './words'

const EVERY_MS = 5000
/** For so long a newcomer is marked. */
const NEW_MS = 4000

type MembersProps = {
  readonly appId: string
  readonly channel: string
  /** Changes when something has happened in the channel. */
  readonly turn: number
}

export function Members({ appId, channel, turn }: MembersProps) {
  const paged = usePaged(
    (cursor) => loadMembers(appId, channel, cursor),
    [appId, channel],
    EVERY_MS,
  )
  const { first, items, isHeld } = paged
  useEffect(() => {
    if (turn > 0 && first.state !== 'loading' && !isHeld) first.reload()
  }, [turn])
  const newcomers = useNewcomers(first.state === 'loaded' ? items : undefined)
  const columns: readonly Column<Member>[] = [
    {
      title: 'Member',
      width: 'minmax(8rem, 1fr)',
      cell: ({ id }) => (
        <span title={id}>
          {id} {newcomers.has(id) && <span class="tag good">came</span>}
        </span>
      ),
    },
    {
      title: 'Info',
      width: 'minmax(8rem, 2fr)',
      cell: ({ user_info: info }) => <span class="people-json">{beginningOf(info)}</span>,
    },
  ]
  return (
    <section class="people-part" aria-labelledby="members">
      <h2 id="members">Members</h2>
      <Show of={first}>
        {() => (
          <Rows
            label="Members"
            items={items}
            columns={columns}
            keyOf={({ id }) => id}
            onEnd={paged.loadMore}
          >
            <Empty title="Nobody is in it" />
          </Rows>
        )}
      </Show>
      <ListState of={paged} noun="member" />
    </section>
  )
}

/** Who was not there a moment ago. */
function useNewcomers(items: readonly Member[] | undefined): ReadonlySet<string> {
  const known = useRef<ReadonlySet<string> | undefined>(undefined)
  const cameAt = useRef(new Map<string, number>()).current
  const [, setTick] = useState(0)
  const ids = items?.map(({ id }) => id)
  useEffect(() => {
    if (!ids) return undefined
    const before = known.current
    known.current = new Set(ids)
    const now = Date.now()
    for (const id of ids) if (before && !before.has(id)) cameAt.set(id, now)
    for (const [id, at] of cameAt) if (now - at >= NEW_MS) cameAt.delete(id)
    if (cameAt.size === 0) return undefined
    setTick((tick) => tick + 1)
    const timer = setTimeout(() => {
      for (const [id, at] of cameAt) if (Date.now() - at >= NEW_MS) cameAt.delete(id)
      setTick((tick) => tick + 1)
    }, NEW_MS)
    return () => clearTimeout(timer)
  }, [ids?.join('\n')])
  return new Set(cameAt.keys())
}
