/** Tokens for the admin API: who has one, for what, since when it was not used. Made and revoked. */
import { useState } from 'preact/hooks'
import { loadApps, type AppView } from '../apps/app'
import { may, useSession } from '../session'
import { useLoaded } from '../use'
import { Button, Confirm, Empty, Page, Rows, Show, Time, type Column } from '../ui/ui'
import { NewTokenDialog } from './new-token'
import { Scope } from './scope'
import { loadTokens, revokeToken, stateOf, type Token } from './tokens'
import './admin.css'

type Loaded = { readonly tokens: readonly Token[]; readonly apps: readonly AppView[] }

async function loadAll(): Promise<Loaded> {
  const [tokens, apps] = await Promise.all([loadTokens(), loadApps()])
  return { tokens, apps }
}

const EVERY_MS = 30_000

export function TokensPage() {
  const mayChange = may(useSession(), 'all')
  const loaded = useLoaded(loadAll, [], { everyMs: EVERY_MS })
  const [showsEnded, setShowsEnded] = useState(false)
  const [isMaking, setMaking] = useState(false)
  const [ending, setEnding] = useState<Token>()
  const reload = loaded.state === 'loaded' ? loaded.reload : () => undefined
  const make = mayChange && (
    <Button look="primary" onClick={() => setMaking(true)}>
      New token
    </Button>
  )
  return (
    <Page title="Tokens" actions={make}>
      <Show of={loaded}>
        {({ tokens, apps }) => {
          const now = Date.now()
          const good = tokens.filter((token) => stateOf(token, now) === 'good')
          const endedCount = tokens.length - good.length
          return (
            <>
              {endedCount > 0 && (
                <label>
                  <input
                    type="checkbox"
                    checked={showsEnded}
                    onChange={() => setShowsEnded(!showsEnded)}
                  />{' '}
                  Show {endedCount} that {endedCount === 1 ? 'has' : 'have'} ended
                </label>
              )}
              <Rows
                label="Tokens"
                items={showsEnded ? tokens.toReversed() : good.toReversed()}
                columns={columnsOf(apps, mayChange ? setEnding : undefined)}
                keyOf={({ id }) => id}
              >
                <Empty title="There is no token">
                  <p>
                    A token is a credential with a name: for a pipeline, a dashboard or a colleague,
                    who then needs no password of the admin.
                  </p>
                  {make}
                </Empty>
              </Rows>
              {isMaking && (
                <NewTokenDialog apps={apps} onMade={reload} onClose={() => setMaking(false)} />
              )}
            </>
          )
        }}
      </Show>
      {ending && (
        <Confirm
          title={`Revoke the token ${ending.name}?`}
          verb="Revoke"
          act={async () => {
            await revokeToken(ending.id)
            reload()
          }}
          onClose={() => setEnding(undefined)}
        >
          <p>
            Whatever still sends it is refused from the next request on, and whoever has signed in
            with it is signed out. What it has made stays. It cannot be brought back.
          </p>
          {ending.last_used_at !== null && (
            <p>
              It was last used <Time at={ending.last_used_at} isAgo />.
            </p>
          )}
        </Confirm>
      )}
    </Page>
  )
}

/** `end` where whoever looks may revoke them. */
function columnsOf(
  apps: readonly AppView[],
  end: ((token: Token) => void) | undefined,
): readonly Column<Token>[] {
  return [
    { title: 'Name', width: 'minmax(5.5rem, 2fr)', cell: ({ name }) => <b title={name}>{name}</b> },
    {
      title: 'May',
      width: 'minmax(4.5rem, 1.2fr)',
      cell: ({ scope }) => <Scope scope={scope} apps={apps} />,
    },
    { title: 'State', width: 'minmax(5.6rem, 0.8fr)', cell: (token) => <State token={token} /> },
    {
      title: 'Last used',
      width: '8rem',
      isWide: true,
      cell: ({ last_used_at: at }) =>
        at === null ? <span class="hint">never</span> : <Time at={at} isAgo />,
    },
    {
      title: 'Made',
      width: 'minmax(8rem, 1fr)',
      isWide: true,
      cell: ({ created_at, created_by }) => (
        <>
          <Time at={created_at} isAgo /> <span class="hint">by {created_by}</span>
        </>
      ),
    },
    ...(end ? [endingColumn(end)] : []),
  ]
}

const endingColumn = (end: (token: Token) => void): Column<Token> => ({
  title: 'Action',
  width: '4rem',
  cell: (token) =>
    stateOf(token, Date.now()) === 'good' && (
      <Button look="link" label={`Revoke ${token.name}`} onClick={() => end(token)}>
        Revoke
      </Button>
    ),
})

function State({ token }: { readonly token: Token }) {
  const { revoked_at, expires_at } = token
  const state = stateOf(token, Date.now())
  if (state !== 'good')
    return (
      <>
        <span class="tag bad">{state}</span> <Time at={revoked_at ?? expires_at ?? 0} isAgo />
      </>
    )
  if (expires_at === null) return <span class="tag good">good</span>
  return (
    <>
      ends <Time at={expires_at} isAgo />
    </>
  )
}
