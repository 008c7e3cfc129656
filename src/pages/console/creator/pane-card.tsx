/** The pane: a client of the app, where it listens, and what it hears. */
import { useState } from 'preact/hooks'
import { formatDuration, formatNumber } from '../format'
import { Button, Copy, Empty, Field, Time } from '../ui/ui'
import type { Heard } from './arrivals'
import type { ChannelState, ClientState } from './client'
import { SOCKETS_AT, type Pane } from './use-client'

type PaneCardProps = { readonly pane: Pane; readonly hasSecret: boolean }

export function PaneCard({ pane, hasSecret }: PaneCardProps) {
  const { state, heard, count, clear, client } = pane
  return (
    <section class="card pane" aria-labelledby="pane-title">
      <header class="card-head">
        <h2 id="pane-title">Listener</h2>
        {heard.length > 0 && (
          <Button onClick={clear} label="Clear what was heard">
            Clear
          </Button>
        )}
      </header>
      <Connection state={state} onRetry={() => client()?.retry()} />
      <Channels state={state} onLeave={(name) => client()?.unsubscribe(name)} />
      <Listen hasSecret={hasSecret} onListen={(name) => client()?.subscribe(name)} />
      {heard.length === 0 ? (
        <Empty title="Nothing was heard yet">
          <p>Send an event: this client of the app listens to its channel, and shows it arrive.</p>
        </Empty>
      ) : (
        <>
          {count > heard.length && (
            <p class="hint">
              The newest {formatNumber(heard.length)} of {formatNumber(count)} events
            </p>
          )}
          <ol class="entries heard" aria-label="Events, the newest first">
            {heard.map((event) => (
              <li key={event.id}>
                <HeardEvent {...event} />
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  )
}

type ConnectionProps = { readonly state: ClientState; readonly onRetry: () => void }

const PHASES: Readonly<
  Record<ClientState['phase'], { readonly word: string; readonly look: string }>
> = {
  connecting: { word: 'Connecting', look: 'tag' },
  connected: { word: 'Connected', look: 'tag good' },
  waiting: { word: 'Cut off', look: 'tag warn' },
  ended: { word: 'Not connected', look: 'tag bad' },
}

function Connection({ state, onRetry }: ConnectionProps) {
  const { phase, socketId, reason, user } = state
  const { word, look } = PHASES[phase]
  const isOff = phase === 'waiting' || phase === 'ended'
  return (
    <div class="connection" role="status">
      <span class={look}>{word}</span>
      {socketId && (
        <span>
          socket <code>{socketId}</code>
          {user !== undefined && (
            <>
              , signed in as <code>{user}</code>
            </>
          )}
        </span>
      )}
      {isOff && (
        <>
          <span class="error">{reason}</span>
          <span>
            It tried <code>{SOCKETS_AT}</code>
            {phase === 'waiting' && ', and tries again by itself'}.
          </span>
          <Button onClick={onRetry}>Try again now</Button>
        </>
      )}
      {phase === 'connected' && reason && <span class="error">{reason}</span>}
    </div>
  )
}

type ChannelsProps = { readonly state: ClientState; readonly onLeave: (channel: string) => void }

const Channels = ({ state, onLeave }: ChannelsProps) => (
  <ul class="chips" aria-label="Channels">
    {Array.from(state.channels, ([name, channel]) => (
      <li key={name} class={CHIPS[channel.phase]}>
        <span class="name" title={name}>
          {name}
        </span>
        <button type="button" aria-label={`Leave ${name}`} onClick={() => onLeave(name)}>
          ×
        </button>
        {channel.phase === 'refused' && <span class="error">{channel.reason}</span>}
      </li>
    ))}
  </ul>
)

const CHIPS: Readonly<Record<ChannelState['phase'], string>> = {
  asked: 'tag asked',
  subscribed: 'tag',
  refused: 'tag bad',
}

type ListenProps = {
  readonly hasSecret: boolean
  readonly onListen: (channel: string) => void
}

function Listen({ hasSecret, onListen }: ListenProps) {
  const [channel, setChannel] = useState('')
  const submit = (event: Event) => {
    event.preventDefault()
    if (channel === '') return
    onListen(channel)
    setChannel('')
  }
  return (
    <form onSubmit={submit}>
      <Field
        label="Listen to another channel"
        hint={
          hasSecret
            ? undefined
            : 'A public one: others are signed with the secret, which you do not see'
        }
      >
        {(attributes) => (
          <span class="with-button">
            <input
              {...attributes}
              spellcheck={false}
              autocomplete="off"
              placeholder="presence-room"
              value={channel}
              onInput={({ currentTarget }) => setChannel(currentTarget.value.trim())}
            />
            <Button type="submit">Listen</Button>
          </span>
        )}
      </Field>
    </form>
  )
}

const HeardEvent = ({ time, channel, event, data, userId, sent }: Heard) => (
  <details>
    <summary>
      <Time at={time} />
      <strong>{event}</strong>
      <code class="where">{channel ?? 'to the user'}</code>
      {sent && <span class="tag good">sent here, {formatDuration(sent.ms)}</span>}
      <code class="data">{data.slice(0, 200)}</code>
    </summary>
    <div class="whole">
      {userId !== undefined && (
        <p>
          From the user <code>{userId}</code>
        </p>
      )}
      <pre tabIndex={0}>{prettyPrint(data)}</pre>
      <Copy text={data} label="Copy the data" />
    </div>
  </details>
)

/** Indented where it is JSON. */
function prettyPrint(data: string): string {
  try {
    return JSON.stringify(JSON.parse(data), null, 2)
  } catch {
    return data
  }
}
