/** Sessions: who is signed in to the console, from where, since when. One's own and those of others are ended. */
import { useState } from 'preact/hooks'
import { api } from '../api'
import { loadApps, type AppView } from '../apps/app'
import { leaveSession, may, useSession } from '../session'
import { useLoaded } from '../use'
import { Confirm, Button, Page, Rows, Show, Time, type Column } from '../ui/ui'
import { describeAgent } from './agent'
import { Scope } from './scope'
import './admin.css'

/** As the admin API has it; times are milliseconds since 1970. */
type SessionView = {
  readonly id: string
  readonly name: string
  readonly kind: 'user' | 'token'
  readonly scope: string
  readonly created_at: number
  readonly expires_at: number
  readonly last_used_at: number
  readonly address: string
  readonly user_agent: string
  /** The one that asks. */
  readonly current: boolean
}

type Loaded = { readonly sessions: readonly SessionView[]; readonly apps: readonly AppView[] }

async function loadAll(): Promise<Loaded> {
  const [{ data }, apps] = await Promise.all([
    api<{ readonly data: readonly SessionView[] }>('GET', 'api/admin/sessions'),
    loadApps(),
  ])
  return { sessions: data, apps }
}

const EVERY_MS = 10_000

export function SessionsPage() {
  const seesAll = may(useSession(), 'all')
  const loaded = useLoaded(loadAll, [], { everyMs: EVERY_MS })
  const [ending, setEnding] = useState<SessionView>()
  const end = async ({ id, current }: SessionView) => {
    await api('DELETE', `api/admin/sessions/${encodeURIComponent(id)}`)
    if (current) leaveSession()
    else if (loaded.state === 'loaded') loaded.reload()
  }
  return (
    <Page title="Sessions">
      <p class="admin-lead">
        {seesAll
          ? 'Who is signed in to this console.'
          : 'Where you are signed in with this token. The admin sees all sessions.'}{' '}
        Sessions end by themselves, with their token, and when the server restarts.
      </p>
      <Show of={loaded}>
        {({ sessions, apps }) => (
          <Rows
            label="Sessions"
            items={sessions.toSorted(compareSessions)}
            columns={columnsOf(apps, setEnding)}
            keyOf={({ id }) => id}
          />
        )}
      </Show>
      {ending && (
        <Confirm
          title={ending.current ? 'Sign out?' : `End this session of ${ending.name}?`}
          verb={ending.current ? 'Sign out' : 'End the session'}
          act={() => end(ending)}
          onClose={() => setEnding(undefined)}
        >
          <p>
            {describeAgent(ending.user_agent)}, from {ending.address}, signed in{' '}
            <Time at={ending.created_at} isAgo />.
          </p>
          {!ending.current && (
            <p>
              It is refused from the next request on.{' '}
              {ending.kind === 'token'
                ? 'The token stays good: to keep it out, revoke that.'
                : 'Whoever knows the password can sign in again.'}
            </p>
          )}
        </Confirm>
      )}
    </Page>
  )
}

/** One's own first, then those that were used last. */
function compareSessions(one: SessionView, other: SessionView): number {
  return Number(other.current) - Number(one.current) || other.last_used_at - one.last_used_at
}

function columnsOf(
  apps: readonly AppView[],
  end: (session: SessionView) => void,
): readonly Column<SessionView>[] {
  return [
    {
      title: 'Who',
      width: 'minmax(7rem, 2fr)',
      cell: ({ name, current }) => (
        <>
          {current && <span class="tag good">you</span>} <b title={name}>{name}</b>
        </>
      ),
    },
    {
      title: 'May',
      width: 'minmax(6rem, 1fr)',
      isWide: true,
      cell: ({ scope }) => <Scope scope={scope} apps={apps} />,
    },
    {
      title: 'With',
      width: 'minmax(6rem, 2fr)',
      cell: ({ user_agent: agent }) => <span title={agent}>{describeAgent(agent)}</span>,
    },
    { title: 'From', width: 'minmax(7rem, 1fr)', isWide: true, cell: ({ address }) => address },
    {
      title: 'Signed in',
      width: '8rem',
      isWide: true,
      cell: ({ created_at }) => <Time at={created_at} isAgo />,
    },
    {
      title: 'Last used',
      width: '8rem',
      isWide: true,
      cell: ({ last_used_at }) => <Time at={last_used_at} isAgo />,
    },
    {
      title: 'Ends',
      width: '6rem',
      isWide: true,
      cell: ({ expires_at }) => <Time at={expires_at} isAgo />,
    },
    {
      title: 'Action',
      width: '4.5rem',
      cell: (session) => (
        <Button
          look="link"
          label={session.current ? 'Sign out of this one' : `End the session of ${session.name}`}
          onClick={() => end(session)}
        >
          {session.current ? 'Sign out' : 'End'}
        </Button>
      ),
    },
  ]
}
