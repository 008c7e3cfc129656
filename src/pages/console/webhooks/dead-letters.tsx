/** The events of an endpoint that were given up, in pages, to be replayed all or chosen. */
import { useEffect, useState } from 'preact/hooks'
import { api } from '../api'
import { formatNumber } from '../format'
import { may, useSession } from '../session'
import { Button, Confirm, Show, Time } from '../ui/ui'
import { ErrorLine } from '../ui/page'
import { useAction, useLoaded } from '../use'
import { countEvents, pathOf, type DeadLetter, type Endpoint } from './endpoint'
import { Trouble } from './exchange'

const PAGE = 50

type DeadProps = {
  readonly slug: string
  readonly endpoint: Endpoint
  /** Called when some are pending again. */
  readonly onReplayed: () => void
}

type Letters = { readonly data: readonly DeadLetter[]; readonly next: string | null }

export function DeadLetters({ slug, endpoint: { id, dead }, onReplayed }: DeadProps) {
  const mayReplay = may(useSession(), 'change_app')
  /** The cursors of the pages up to this one. */
  const [cursors, setCursors] = useState<readonly string[]>([''])
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set())
  const [isAsking, setAsking] = useState(false)
  const cursor = cursors.at(-1)!
  const query = new URLSearchParams({ endpoint: id, limit: String(PAGE) })
  if (cursor !== '') query.set('cursor', cursor)
  const load = () => api<Letters>('GET', `${pathOf(slug)}/dead?${query}`)
  const loaded = useLoaded(load, [slug, id, cursor])
  useEffect(() => {
    if (loaded.state !== 'loading') loaded.reload()
  }, [dead])
  const turnTo = (pages: readonly string[]) => {
    setChosen(new Set())
    setCursors(pages)
  }
  const replay = async (body: object) => {
    await api('POST', `${pathOf(slug)}/replay`, body)
    turnTo([''])
    onReplayed()
  }
  const sending = useAction(() => replay({ ids: [...chosen] }))
  const toggle = (ids: readonly number[], isOn: boolean) => {
    const others = [...chosen].filter((each) => !ids.includes(each))
    setChosen(new Set(isOn ? [...others, ...ids] : others))
  }
  return (
    <Show of={loaded}>
      {({ data, next }) => (
        <div class="dead">
          {mayReplay && (
            <div class="actions">
              <label class="check">
                <input
                  type="checkbox"
                  checked={data.length > 0 && data.every((letter) => chosen.has(letter.id))}
                  onChange={({ currentTarget }) =>
                    toggle(
                      data.map((letter) => letter.id),
                      currentTarget.checked,
                    )
                  }
                />
                All on this page
              </label>
              <Button
                look={chosen.size === 0 ? 'plain' : 'primary'}
                isOff={chosen.size === 0}
                isBusy={sending.isBusy}
                onClick={sending.run}
              >
                Replay {chosen.size > 0 ? formatNumber(chosen.size) : 'chosen'}
              </Button>
              <Button onClick={() => setAsking(true)}>Replay all {formatNumber(dead)}</Button>
            </div>
          )}
          <ErrorLine error={sending.error} />
          <ol class="requests">
            {data.map((letter) => (
              <li key={letter.id}>
                {mayReplay && (
                  <input
                    type="checkbox"
                    aria-label={`Choose the dead event ${letter.id}`}
                    checked={chosen.has(letter.id)}
                    onChange={({ currentTarget }) => toggle([letter.id], currentTarget.checked)}
                  />
                )}
                <Letter letter={letter} />
              </li>
            ))}
          </ol>
          {(cursors.length > 1 || next !== null) && (
            <p class="actions">
              <Button isOff={cursors.length === 1} onClick={() => turnTo(cursors.slice(0, -1))}>
                Newer
              </Button>
              <Button
                isOff={next === null}
                onClick={() => next !== null && turnTo([...cursors, next])}
              >
                Older
              </Button>
              <span class="hint">Page {cursors.length}</span>
            </p>
          )}
          {isAsking && (
            <Confirm
              title={`Replay ${countEvents(dead)}?`}
              verb="Replay all"
              look="primary"
              act={() => replay({ endpoint: id })}
              onClose={() => setAsking(false)}
            >
              <p>
                They are sent again in new bodies, with a new time and signature, those of a channel
                in order. Is the endpoint in order again? A test event tells.
              </p>
            </Confirm>
          )}
        </div>
      )}
    </Show>
  )
}

const Letter = ({ letter }: { readonly letter: DeadLetter }) => (
  <details>
    <summary>
      <strong>{String(letter.event['name'] ?? 'unreadable')}</strong>
      <code>{String(letter.event['channel'] ?? '')}</code>
      <span class="hint">
        given up <Time at={letter.dead_at} isAgo />, sent {letter.attempts}{' '}
        {letter.attempts === 1 ? 'time' : 'times'}
      </span>
      <span class="error">{letter.error ?? letter.status}</span>
    </summary>
    <div class="exchange">
      <Trouble error={letter.error} />
      <pre tabIndex={0}>{JSON.stringify(letter.event, null, 2)}</pre>
    </div>
  </details>
)
