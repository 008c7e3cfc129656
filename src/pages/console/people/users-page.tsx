/** The signed-in users of an app, by id, with what they were signed with. */
import { useState } from 'preact/hooks'
import { navigate, type PageProps } from '../router'
import { useLater } from '../live/use-input'
import { Button, Empty, Num, Rows, Show, type Column } from '../ui/ui'
import { loadUsers, type UserRow } from './data'
import { EVERY_MS, Frame, ListState } from './frame'
import { connectionsHref } from './links'
import { usePaged } from './use-paged'
import { beginningOf } from './words'

const TYPING_MS = 250

export function UsersPage({ params }: PageProps) {
  const slug = params['slug']!
  return (
    <Frame slug={slug} current="users">
      {() => <Users slug={slug} />}
    </Frame>
  )
}

const columnsOf = (slug: string): readonly Column<UserRow>[] => [
  {
    title: 'User',
    width: 'minmax(8rem, 1fr)',
    cell: ({ id }) => (
      <a href={connectionsHref(slug, { user: id })} title={id}>
        {id}
      </a>
    ),
  },
  {
    title: 'Info',
    width: 'minmax(10rem, 3fr)',
    cell: ({ user_info: info }) =>
      info !== null && <span class="people-json">{beginningOf(info)}</span>,
  },
  {
    title: 'Connections',
    width: '6.5rem',
    isNumber: true,
    cell: ({ connections }) => <Num value={connections} unit="" />,
  },
]

function Users({ slug }: { readonly slug: string }) {
  const [typed, setTyped] = useState('')
  const prefix = useLater(typed, TYPING_MS)
  const paged = usePaged((cursor) => loadUsers(slug, prefix, cursor), [prefix], EVERY_MS)
  return (
    <>
      <input
        type="search"
        aria-label="Users whose id begins with"
        placeholder="Id begins with"
        spellcheck={false}
        value={typed}
        onInput={({ currentTarget }) => setTyped(currentTarget.value)}
      />
      <Show of={paged.first}>
        {() => (
          <Rows
            label="Signed-in users"
            items={paged.items}
            columns={columnsOf(slug)}
            keyOf={({ id }) => id}
            onOpen={({ id }) => navigate(connectionsHref(slug, { user: id }))}
            onEnd={paged.loadMore}
            turn={prefix}
          >
            {prefix === '' ? (
              <Empty title="Nobody is signed in">
                <p>
                  Clients sign in with <code>pusher.signin()</code>; the app’s server signs who they
                  are. Members of presence channels are on the page of their channel.
                </p>
              </Empty>
            ) : (
              <Empty title="Nobody with such an id is signed in">
                <Button onClick={() => setTyped('')}>Show all</Button>
              </Empty>
            )}
          </Rows>
        )}
      </Show>
      <ListState of={paged} noun="user" whose=" of this process" />
    </>
  )
}
