/** One connection: since when, from where, what its client is, as whom, in which channels; and its end. */
import './people.css'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { formatBytes } from '../format'
import type { PageProps } from '../router'
import { may, useSession } from '../session'
import { useLoaded } from '../use'
import { Button, Copy, Empty, Page, Show } from '../ui/ui'
import { SinceWhen } from './connection-list'
import { loadConnection, type ConnectionView } from './data'
import { EndConnection, EndUser } from './ending'
import { channelHref, connectionsHref } from './links'
import { describeClient, describeProtocol, prettify } from './words'

const EVERY_MS = 3000

export function ConnectionPage({ params }: PageProps) {
  const slug = params['slug']!
  const socketId = params['socketId']!
  const session = useSession()
  const [ending, setEnding] = useState<'connection' | 'user'>()
  const loaded = useLoaded(() => loadConnection(slug, socketId), [slug, socketId], {
    everyMs: EVERY_MS,
  })
  const reload = loaded.state === 'loading' ? () => undefined : loaded.reload
  const connection = loaded.state === 'loaded' ? loaded.value : undefined
  const mayEnd = connection && may(session, 'change_app')
  const actions = mayEnd && (
    <>
      {connection.user_id !== null && (
        <Button look="danger" onClick={() => setEnding('user')}>
          End this user
        </Button>
      )}
      <Button look="danger" onClick={() => setEnding('connection')}>
        End the connection
      </Button>
    </>
  )
  return (
    <Page title="Connection" name={`${socketId} · ${slug}`} actions={actions}>
      <nav class="people-way" aria-label="Where this is">
        <a href={connectionsHref(slug)}>Connections</a> / <code>{socketId}</code>{' '}
        <Copy text={socketId} label="Copy the socket id" />
      </nav>
      {loaded.state === 'failed' && loaded.error.status === 404 ? (
        <Empty title="This connection is not there">
          <p>
            It has ended, or is one of another process. A client that comes back has another socket
            id. <a href={connectionsHref(slug)}>Show who is connected</a>
          </p>
        </Empty>
      ) : (
        <Show of={loaded}>{(value) => <Facts slug={slug} connection={value} />}</Show>
      )}
      {ending === 'connection' && connection && (
        <EndConnection
          slug={slug}
          connection={connection}
          onClose={() => setEnding(undefined)}
          onEnded={reload}
        />
      )}
      {ending === 'user' && connection && connection.user_id !== null && (
        <EndUser
          slug={slug}
          userId={connection.user_id}
          onClose={() => setEnding(undefined)}
          onEnded={reload}
        />
      )}
    </Page>
  )
}

type FactsProps = { readonly slug: string; readonly connection: ConnectionView }

function Facts({ slug, connection }: FactsProps) {
  const { user_id: userId, user_info: info, channels, channel_count: count } = connection
  const hidden = count - channels.length
  return (
    <div class="people-panes">
      <section class="card" aria-labelledby="facts">
        <h2 id="facts">Who it is</h2>
        <dl class="people-facts">
          <Fact name="Connected since">
            <SinceWhen at={connection.since} />
          </Fact>
          <Fact name="From">
            <code>{connection.address}</code>
          </Fact>
          <Fact name="Over">
            {connection.transport === 'websocket' ? 'WebSocket' : 'HTTP, as where WebSockets fail'}
          </Fact>
          <Fact name="Protocol">{describeProtocol(connection.protocol)}</Fact>
          <Fact name="Client">{describeClient(connection) || 'It does not say'}</Fact>
          {connection.user_agent !== null && (
            <Fact name="User agent">
              <small>{connection.user_agent}</small>
            </Fact>
          )}
          <Fact name="Waiting for it">
            {connection.waiting_bytes === 0
              ? 'nothing: it has read all that was sent'
              : `${formatBytes(connection.waiting_bytes)} that it has not read yet`}
          </Fact>
          <Fact name="Signed in as">
            {userId === null ? (
              'nobody'
            ) : (
              <a href={connectionsHref(slug, { user: userId })}>{userId}</a>
            )}
          </Fact>
        </dl>
        {userId !== null && info !== null && (
          <pre tabIndex={0} aria-label="Info of the user">
            {prettify(info)}
          </pre>
        )}
      </section>
      <section class="card" aria-labelledby="channels">
        <h2 id="channels">
          {count === 1 ? 'In 1 channel' : `In ${count.toLocaleString('en')} channels`}
        </h2>
        {channels.length === 0 && (
          <p class="hint">It is connected, and subscribed to nothing yet.</p>
        )}
        <ul class="people-list">
          {channels.map(({ name, user_id: member }) => (
            <li key={name}>
              <a href={channelHref(slug, name)}>{name}</a>
              {member !== null && (
                <small>
                  {' '}
                  as <b>{member}</b>
                </small>
              )}
            </li>
          ))}
        </ul>
        {hidden > 0 && <p class="hint">and {hidden.toLocaleString('en')} more</p>}
      </section>
    </div>
  )
}

type FactProps = { readonly name: string; readonly children: ComponentChildren }

const Fact = ({ name, children }: FactProps) => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
)
