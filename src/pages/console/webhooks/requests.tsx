/** The last requests to an endpoint, each opens to what it carried. */
import { useEffect } from 'preact/hooks'
import { api } from '../api'
import { Show, Time } from '../ui/ui'
import { useLoaded } from '../use'
import { pathOf, type Attempt, type Endpoint, type Exchanged } from './endpoint'
import { Exchange, Outcome } from './exchange'

type RequestsProps = { readonly slug: string; readonly endpoint: Endpoint }

/** Loaded anew when the report has another one. */
export function Requests({ slug, endpoint: { id, attempts } }: RequestsProps) {
  const load = () =>
    api<{ readonly data: readonly (Attempt & Exchanged)[] }>(
      'GET',
      `${pathOf(slug)}/endpoints/${id}/requests`,
    )
  const loaded = useLoaded(load, [slug, id])
  const newest = attempts[0]?.number
  useEffect(() => {
    if (loaded.state !== 'loading') loaded.reload()
  }, [newest])
  return (
    <Show of={loaded}>
      {({ data }) => (
        <ol class="requests">
          {data.map((request) => (
            <li key={request.number}>
              <details>
                <summary>
                  <Time at={request.at} />
                  <Outcome of={request} />
                </summary>
                <Exchange of={request} />
              </details>
            </li>
          ))}
        </ol>
      )}
    </Show>
  )
}

/** The outcomes of the last requests, the oldest first, as squares. */
export function Strip({ attempts }: Pick<Endpoint, 'attempts'>) {
  if (attempts.length === 0) return null
  const accepted = attempts.filter(({ error }) => error === null).length
  const words = `${accepted} of the last ${attempts.length} requests were accepted`
  return (
    <span class="strip" role="img" aria-label={words} title={words}>
      {attempts.toReversed().map(({ number, error }) => (
        <i key={number} class={error === null ? 'good' : 'bad'} />
      ))}
    </span>
  )
}
