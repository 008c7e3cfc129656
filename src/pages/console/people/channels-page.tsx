/** The occupied channels of an app, by name, with how many are in each. */
import { useEffect, useState } from 'preact/hooks'
import { href, navigate, replaceRoute, type PageProps } from '../router'
import { Button, Empty, Num, Rows, Show, type Column } from '../ui/ui'
import { useLater } from '../live/use-input'
import { loadChannels, type ChannelRow } from './data'
import { EVERY_MS, Frame, ListState } from './frame'
import { channelHref } from './links'
import { usePaged } from './use-paged'
import { describeChannel } from './words'

const TYPING_MS = 250

/** What is mostly looked for, by how the names begin. */
const PREFIXES = [
  ['All', ''],
  ['Presence', 'presence-'],
  ['Private', 'private-'],
  ['Encrypted', 'private-encrypted-'],
  ['Cache', 'cache-'],
] as const

export function ChannelsPage({ params, query }: PageProps) {
  const slug = params['slug']!
  return (
    <Frame slug={slug} current="channels">
      {(appId) => <Channels slug={slug} appId={appId} first={query.get('prefix') ?? ''} />}
    </Frame>
  )
}

type ChannelsProps = { readonly slug: string; readonly appId: string; readonly first: string }

function Channels({ slug, appId, first }: ChannelsProps) {
  const [typed, setTyped] = useState(first)
  const prefix = useLater(typed, TYPING_MS)
  useEffect(() => {
    replaceRoute(href(['apps', slug, 'people'], prefix === '' ? {} : { prefix }))
  }, [prefix])
  const paged = usePaged((cursor) => loadChannels(appId, prefix, cursor), [prefix], EVERY_MS)
  const columns: readonly Column<ChannelRow>[] = [
    {
      title: 'Channel',
      width: 'minmax(6rem, 3fr)',
      cell: ({ name }) => (
        <a href={channelHref(slug, name)} title={name}>
          {name}
        </a>
      ),
    },
    {
      title: 'Kind',
      width: 'minmax(10rem, 1fr)',
      isWide: true,
      cell: ({ name }) => <span class="tag">{describeChannel(name).kind}</span>,
    },
    {
      title: 'Subscribers',
      width: '6rem',
      isNumber: true,
      cell: ({ subscriptions }) => <Num value={subscriptions} unit="" />,
    },
    {
      title: 'Users',
      width: '3.5rem',
      isNumber: true,
      cell: ({ users }) => users !== undefined && <Num value={users} unit="" />,
    },
  ]
  return (
    <>
      <div class="people-filters" role="search" aria-label="Channels">
        <div class="people-chips" role="group" aria-label="Kinds">
          {PREFIXES.map(([title, start]) => (
            <Button key={title} isPressed={typed === start} onClick={() => setTyped(start)}>
              {title}
            </Button>
          ))}
        </div>
        <input
          type="search"
          aria-label="Channels that begin with"
          placeholder="Channel begins with"
          spellcheck={false}
          value={typed}
          onInput={({ currentTarget }) => setTyped(currentTarget.value.trim())}
        />
      </div>
      <Show of={paged.first}>
        {() => (
          <Rows
            label="Occupied channels"
            items={paged.items}
            columns={columns}
            keyOf={({ name }) => name}
            onOpen={({ name }) => navigate(channelHref(slug, name))}
            onEnd={paged.loadMore}
            turn={prefix}
          >
            <Nothing slug={slug} prefix={prefix} onAll={() => setTyped('')} />
          </Rows>
        )}
      </Show>
      <ListState of={paged} noun="channel" />
    </>
  )
}

type NothingProps = { readonly slug: string; readonly prefix: string; readonly onAll: () => void }

function Nothing({ slug, prefix, onAll }: NothingProps) {
  if (prefix !== '')
    return (
      <Empty title={`Nobody is in a channel that begins with ${prefix}`}>
        <p>
          Channels are there while somebody is subscribed.{' '}
          <a href={channelHref(slug, prefix)}>Look at {prefix} all the same</a>: it may keep events.
        </p>
        <Button onClick={onAll}>Show all</Button>
      </Empty>
    )
  return (
    <Empty title="No channel is occupied">
      <p>
        A channel is there while somebody is subscribed to it.{' '}
        <a href={href(['apps', slug, 'connect'])}>Connect a client</a>, and it appears here.
      </p>
    </Empty>
  )
}
