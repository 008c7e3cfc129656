/** What is around every page: who is signed in, the links, and the page that the address names. */
import { useEffect, useRef } from 'preact/hooks'
import { api, findSession } from './api'
import { PAGES, type PageRow } from './pages'
import { REFERENCE } from './place'
import { href, matchRoute, replaceRoute, useRoute, type Params, type Route } from './router'
import { leaveSession, may, useSession, useSessionState, type Session } from './session'
import { SignIn, SignInAgain } from './sign-in/page'
import { Button, Empty, Failure, Loading, Page } from './ui/ui'
import { useAction } from './use'

export function Shell() {
  const state = useSessionState()
  const found = useAction(findSession)
  useEffect(() => void found.run(), [])
  if (state.phase === 'unknown')
    return found.error ? (
      <main class="sign-in">
        <h1>Carillon</h1>
        <Failure error={found.error} onRetry={() => void found.run()} />
      </main>
    ) : (
      <Loading />
    )
  if (state.phase === 'out') return <SignIn />
  const { name, kind, grant } = state.session
  return (
    <>
      {/* Somebody else sees nothing of what was there. */}
      <Signed key={`${kind} ${name} ${grant}`} />
      {state.phase === 'ended' && <SignInAgain session={state.session} />}
    </>
  )
}

type Found = { readonly row: PageRow; readonly params: Params }

function findPage(route: Route): Found | undefined {
  for (const row of PAGES) {
    const params = matchRoute(row.path, route)
    if (params) return { row, params }
  }
  return undefined
}

function Signed() {
  const session = useSession()
  const route = useRoute()
  const found = findPage(route)
  const first = PAGES.find(({ place, need }) => place === 'server' && may(session, need))
  useEffect(() => {
    if (route.segments.length === 0 && first && first.path !== '') replaceRoute(href([first.path]))
  }, [route.segments.length, first])
  const slug = found?.params['slug']
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skipToPage}>
        Skip to the page
      </a>
      <Sidebar session={session} current={found?.row} slug={slug} />
      <main id="main" tabIndex={-1}>
        <Current found={found} route={route} session={session} />
      </main>
    </div>
  )
}

/** The address is the page's: a link to a place in it must not change it. */
function skipToPage(event: Event): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('#main')?.focus()
}

type CurrentProps = {
  readonly found: Found | undefined
  readonly route: Route
  readonly session: Session
}

function Current({ found, route, session }: CurrentProps) {
  if (!found && route.segments.length === 0) return null
  if (!found)
    return (
      <Page title="There is no such page">
        <p>
          <code>{route.segments.join('/')}</code> is not an address of this console.{' '}
          <a href="#/">Go to the start</a>
        </p>
      </Page>
    )
  const { row, params } = found
  if (!may(session, row.need))
    return (
      <Page title={row.title}>
        <Empty title="This is not for you">
          <p>
            The token {session.name} has the scope <code>{session.grant}</code>, which does not
            reach here.
          </p>
        </Empty>
      </Page>
    )
  // Another app is another page: nothing of the one before stays.
  const key = [row.path, ...Object.values(params)].join(' ')
  return <row.View key={key} params={params} query={route.query} />
}

type SidebarProps = {
  readonly session: Session
  readonly current: PageRow | undefined
  readonly slug: string | undefined
}

function Sidebar({ session, current, slug }: SidebarProps) {
  const linksOf = (place: PageRow['place']) =>
    PAGES.filter((row) => row.place === place && may(session, row.need))
  const signOut = async () => {
    await api('DELETE', `api/admin/sessions/${encodeURIComponent(session.id)}`)
    leaveSession()
  }
  // On a narrow screen each list is one line that scrolls: where one is, is in view.
  const sidebar = useRef<HTMLElement>(null)
  useEffect(() => {
    for (const link of sidebar.current?.querySelectorAll('[aria-current]') ?? [])
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [current, slug])
  return (
    <header class="sidebar" ref={sidebar}>
      <a class="brand" href="#/">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M8 1a1 1 0 0 1 1 1v.6A4.5 4.5 0 0 1 12.5 7c0 3 .6 4 1.5 5H2c.9-1 1.5-2 1.5-5A4.5 4.5 0 0 1 7 2.6V2a1 1 0 0 1 1-1zM6.3 13h3.4a1.7 1.7 0 0 1-3.4 0z" />
        </svg>
        Carillon
      </a>
      <nav aria-label="Server">
        {linksOf('server').map((row) => (
          <a key={row.path} href={href(row.path.split('/'))} aria-current={currentOf(row, current)}>
            {row.title}
          </a>
        ))}
        {REFERENCE && <a href={REFERENCE}>API reference</a>}
      </nav>
      {slug !== undefined && (
        <nav aria-label={`App ${slug}`}>
          <h2>{slug}</h2>
          {linksOf('app').map((row) => (
            <a
              key={row.path}
              href={href(row.path.split('/').map((part) => (part === ':slug' ? slug : part)))}
              aria-current={currentOf(row, current)}
            >
              {row.title}
            </a>
          ))}
        </nav>
      )}
      <footer>
        <span title={session.kind === 'token' ? `Token, scope ${session.grant}` : 'Admin'}>
          {session.name}
        </span>
        <Button look="link" onClick={signOut}>
          Sign out
        </Button>
      </footer>
    </header>
  )
}

/** Pages in no list belong to the one whose path theirs begins with. */
function currentOf(row: PageRow, current: PageRow | undefined) {
  if (!current) return undefined
  if (row === current) return 'page'
  return current.place === 'none' && row === ownerOf(current) ? 'true' : undefined
}

function ownerOf({ path }: PageRow): PageRow | undefined {
  const above = PAGES.filter((row) => row.place !== 'none' && path.startsWith(`${row.path}/`))
  return above.toSorted((a, b) => b.path.length - a.path.length)[0]
}
