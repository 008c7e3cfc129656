/** Progress: what a newcomer waits for, as it happens: a client connects, subscribes, and an event is sent. */
import { useEffect, useState } from 'preact/hooks'
import { streamUrl } from '../api'
import type { AppView } from '../apps/app'
import { accessOf, askApp } from '../creator/app-api'
import { adminPath } from '../place'
import { href } from '../router'
import { may, useSession } from '../session'
import { useAction, useLoaded } from '../use'
import { ErrorLine } from '../ui/page'
import { Button, Num } from '../ui/ui'
import { CHANNEL, EVENT, HELLO } from './snippet'

/** The kinds of the live stream that are steps. */
const STEPS = [
  { kind: 'connected', waits: 'Waiting for the first connection', done: 'Connected' },
  { kind: 'subscribed', waits: 'Then for a subscription', done: 'Subscribed' },
  { kind: 'published', waits: 'Then for an event', done: 'An event was sent' },
] as const

type Kind = (typeof STEPS)[number]['kind']
type Row = { readonly channel?: string; readonly event?: string; readonly address?: string }
type Seen = Partial<Record<Kind, string>>

/** What is shown of a row of the stream. */
const detailOf = ({ channel, event, address }: Row): string =>
  event !== undefined ? `${event} on ${channel}` : (channel ?? address ?? '')

/** Watches the app until every step was seen once; anew with another session, since a stream ends with its own. */
function useSteps(slug: string, sessionId: string): Seen {
  const [seen, setSeen] = useState<Seen>({})
  const isDone = STEPS.every(({ kind }) => kind in seen)
  useEffect(() => {
    if (isDone) return undefined
    const kinds = STEPS.map(({ kind }) => kind)
    const source = new EventSource(streamUrl(adminPath(slug, `live?kinds=${kinds.join()}`)))
    for (const kind of kinds)
      source.addEventListener(kind, ({ data }: MessageEvent<string>) => {
        const detail = detailOf(JSON.parse(data) as Row)
        setSeen((before) => (kind in before ? before : { ...before, [kind]: detail }))
      })
    return () => source.close()
  }, [slug, isDone, sessionId])
  return seen
}

type Counted = { readonly connections: number }

export function Progress({ app }: { readonly app: AppView }) {
  const { slug } = app
  const session = useSession()
  const seen = useSteps(slug, session.id)
  const access = accessOf(app)
  const count = () => askApp<Counted>(access, { method: 'GET', path: 'connections' })
  const counted = useLoaded(count, [slug], { everyMs: 5000 })
  // Who has just come is counted at once, and not with the next round.
  useEffect(() => {
    if ('connected' in seen && counted.state === 'loaded') counted.reload()
  }, ['connected' in seen])
  const connections = counted.state === 'loaded' ? counted.value.connections : 0
  const send = useAction(async () => {
    const body = JSON.stringify({ name: EVENT, channel: CHANNEL, data: HELLO })
    await askApp(access, { method: 'POST', path: 'events', body })
  })
  const isDone = (kind: Kind): boolean => kind in seen || (kind === 'connected' && connections > 0)
  return (
    <section class="card progress" aria-label="Progress">
      <ol>
        {STEPS.map(({ kind, waits, done }) => (
          <li key={kind} class={isDone(kind) ? 'done' : undefined}>
            <span role="status">{isDone(kind) ? done : waits}</span>
            {kind in seen && <small>{seen[kind]}</small>}
          </li>
        ))}
      </ol>
      <div class="actions">
        {connections > 0 && <Num value={connections} unit="connected now" />}
        {may(session, 'change_app') && (
          <Button onClick={send.run} isBusy={send.isBusy}>
            Send {EVENT}
          </Button>
        )}
        <a href={href(['apps', slug, 'creator'], { channel: CHANNEL, event: EVENT, data: HELLO })}>
          Event creator
        </a>
        <a href={href(['apps', slug, 'live'])}>Live</a>
      </div>
      <ErrorLine error={send.error} />
    </section>
  )
}
