/** The connections of an app, the newest first: all, those of a channel, or those of a user. */
import { useState } from 'preact/hooks'
import { href, navigate, type PageProps } from '../router'
import { may, useSession } from '../session'
import { Button, Empty, Field, Show } from '../ui/ui'
import { ConnectionList } from './connection-list'
import { loadConnections } from './data'
import { EndUser } from './ending'
import { EVERY_MS, Frame, ListState } from './frame'
import { channelHref, connectionsHref } from './links'
import { usePaged } from './use-paged'

type Filter = { readonly channel: string; readonly user: string }

export function ConnectionsPage({ params, query }: PageProps) {
  const slug = params['slug']!
  const filter = { channel: query.get('channel') ?? '', user: query.get('user') ?? '' }
  return (
    <Frame slug={slug} current="connections">
      {() => <Connections key={JSON.stringify(filter)} slug={slug} filter={filter} />}
    </Frame>
  )
}

type ConnectionsProps = { readonly slug: string; readonly filter: Filter }

function Connections({ slug, filter }: ConnectionsProps) {
  const { channel, user } = filter
  const session = useSession()
  const [isEnding, setEnding] = useState(false)
  const paged = usePaged((cursor) => loadConnections(slug, filter, cursor), [filter], EVERY_MS)
  return (
    <>
      <Filters slug={slug} filter={filter} />
      {(channel || user) && (
        <p class="people-about">
          {user && (
            <>
              Signed in as <b>{user}</b>
              {channel && ', '}
            </>
          )}
          {channel && (
            <>
              in <a href={channelHref(slug, channel)}>{channel}</a>
            </>
          )}{' '}
          <a href={connectionsHref(slug)}>Show all</a>
          {user && may(session, 'change_app') && (
            <Button look="danger" onClick={() => setEnding(true)} isOff={paged.items.length === 0}>
              End this user
            </Button>
          )}
        </p>
      )}
      <Show of={paged.first}>
        {() => (
          <ConnectionList slug={slug} items={paged.items} onEnd={paged.loadMore}>
            <Nothing slug={slug} filter={filter} />
          </ConnectionList>
        )}
      </Show>
      <ListState of={paged} noun="connection" whose=" of this process" />
      {isEnding && (
        <EndUser
          slug={slug}
          userId={user}
          onClose={() => setEnding(false)}
          onEnded={paged.restart}
        />
      )}
    </>
  )
}

function Filters({ slug, filter }: ConnectionsProps) {
  const [channel, setChannel] = useState(filter.channel)
  const [user, setUser] = useState(filter.user)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const given = { ...(channel && { channel }), ...(user && { user }) }
    navigate(connectionsHref(slug, given))
  }
  return (
    <form class="people-find" role="search" aria-label="Connections" onSubmit={submit}>
      <Field label="In the channel">
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            spellcheck={false}
            value={channel}
            onInput={({ currentTarget }) => setChannel(currentTarget.value.trim())}
          />
        )}
      </Field>
      <Field label="Signed in as">
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            spellcheck={false}
            value={user}
            onInput={({ currentTarget }) => setUser(currentTarget.value)}
          />
        )}
      </Field>
      <Button type="submit">Find</Button>
    </form>
  )
}

function Nothing({ slug, filter }: ConnectionsProps) {
  if (filter.channel || filter.user)
    return (
      <Empty title="Nobody is connected so">
        <p>
          {filter.user
            ? 'Users are those who have signed in, not members of presence channels.'
            : 'A channel is found by its whole name.'}{' '}
          <a href={connectionsHref(slug)}>Show all connections</a>
        </p>
      </Empty>
    )
  return (
    <Empty title="Nobody is connected">
      <p>
        <a href={href(['apps', slug, 'connect'])}>Connect a client</a>, and it appears here.
      </p>
    </Empty>
  )
}
