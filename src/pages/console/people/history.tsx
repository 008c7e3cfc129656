/** What a channel keeps: its events with their positions, the newest first; each opens to its data. */
import { useEffect, useState } from 'preact/hooks'
import { ApiError, UNREACHABLE } from '../api'
import { formatBytes } from '../format'
import { href } from '../router'
import { useAction, useLoaded } from '../use'
import { Button, Copy, Empty, Show } from '../ui/ui'
import { loadHistory, type HistoryAnswer, type Kept } from './data'
import { channelHref } from './links'
import { prettify } from './words'

type HistoryProps = {
  readonly slug: string
  readonly appId: string
  readonly channel: string
  /** The position of the first event that is shown; the newest one if absent. */
  readonly at: string | undefined
  /** Changes when something has happened in the channel. */
  readonly turn: number
}

/** Where a page begins whose first event has this position; undefined for what is no position. */
function beforeOf(at: string | undefined): string | undefined {
  const [, epoch, offset] = /^([\da-z]+):(\d{1,15})$/.exec(at ?? '') ?? []
  return epoch === undefined ? undefined : `${epoch}:${Number(offset) + 1}`
}

export function History({ slug, appId, channel, at, turn }: HistoryProps) {
  const before = beforeOf(at)
  const loaded = useLoaded(() => loadHistory(appId, channel, before), [appId, channel, before])
  useEffect(() => {
    // What was asked for by position stays under the reader's eyes.
    if (turn > 0 && before === undefined && loaded.state !== 'loading') loaded.reload()
  }, [turn])
  return (
    <section class="people-part" aria-labelledby="history">
      <h2 id="history">
        History {before !== undefined && <a href={channelHref(slug, channel)}>the newest</a>}
      </h2>
      <Show of={loaded}>
        {(answer) => <Kepts key={answer.epoch} {...{ slug, appId, channel, at }} answer={answer} />}
      </Show>
    </section>
  )
}

type KeptsProps = Omit<HistoryProps, 'turn'> & { readonly answer: HistoryAnswer }

function Kepts({ slug, appId, channel, at, answer }: KeptsProps) {
  const [older, setOlder] = useState<{ events: readonly Kept[]; next: string | null }>()
  const { epoch, offset, events } = answer
  const next = older ? older.next : answer.next
  const more = useAction(async () => {
    if (next === null) return
    const page = await loadHistory(appId, channel, next)
    if (page.epoch !== epoch) throw new ApiError(0, LOST)
    setOlder({ events: [...(older?.events ?? []), ...page.events], next: page.next })
  })
  if (epoch === '')
    return (
      <Empty title="Events of this channel are not kept">
        <p>
          A rule of the app’s <a href={href(['apps', slug, 'settings'])}>history</a> keeps them: who
          comes back gets what was missed.
        </p>
      </Empty>
    )
  if (events.length === 0)
    return (
      <Empty title={at === undefined ? 'Nothing is kept yet' : 'Nothing is kept from there on'}>
        <p>
          The stream is <code>{epoch}</code>, its last event <code>{offset}</code>.{' '}
          {at === undefined ? (
            <a href={href(['apps', slug, 'creator'], { channel })}>Send an event</a>
          ) : (
            <a href={channelHref(slug, channel)}>Show the newest</a>
          )}
        </p>
      </Empty>
    )
  // Those that came since the older ones were read may be in both.
  const oldest = events.at(-1)!.offset
  const rest = older?.events.filter((event) => event.offset < oldest) ?? []
  return (
    <>
      <p class="hint">
        Stream <code>{epoch}</code>, the last event is <code>{offset}</code>
      </p>
      <ol class="people-history" reversed tabIndex={0} aria-label="Events that are kept">
        {[...events, ...rest].map((event) => (
          <Event key={event.offset} {...{ slug, channel, epoch, event, at }} />
        ))}
      </ol>
      {next !== null && (
        <Button onClick={more.run} isBusy={more.isBusy}>
          Show older ones
        </Button>
      )}
      {more.error && (
        <p class="error" role="alert">
          {more.error.status === 0 && more.error.message !== LOST
            ? UNREACHABLE
            : more.error.message}
        </p>
      )}
    </>
  )
}

const LOST = 'The stream has begun anew meanwhile: read it from its newest event'

type EventProps = Pick<KeptsProps, 'slug' | 'channel' | 'at'> & {
  readonly epoch: string
  readonly event: Kept
}

function Event({ slug, channel, epoch, event, at }: EventProps) {
  const position = `${epoch}:${event.offset}`
  const [isOpen, setOpen] = useState(at === position)
  const text = typeof event.data === 'string' ? event.data : JSON.stringify(event.data)
  return (
    <li class={at === position ? 'is-sought' : undefined}>
      <button
        type="button"
        class="people-event"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <span class="mono number">{event.offset}</span>
        <b>{event.name}</b>
        <span class="people-json">{text.slice(0, 300)}</span>
        <small>{formatBytes(text.length)}</small>
      </button>
      {isOpen && (
        <div class="people-opened">
          <pre tabIndex={0} aria-label={`Data of ${event.offset}`}>
            {prettify(event.data)}
          </pre>
          <p class="actions">
            <a href={channelHref(slug, channel, position)}>Link to this position</a>
            <Copy text={position} label="Copy the position">
              Copy {position}
            </Copy>
            <Copy text={text} label="Copy the data">
              Copy data
            </Copy>
          </p>
        </div>
      )}
    </li>
  )
}
