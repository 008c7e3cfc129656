/** What is wrong right now, a line each, with what to do. */
import { useState } from 'preact/hooks'
import { api } from '../api'
import { href } from '../router'
import { useLoaded } from '../use'
import { Button, Show, Time } from '../ui/ui'

export type Problem = {
  readonly code: string
  readonly severity: 'critical' | 'warning' | 'notice'
  readonly app: { readonly id: string; readonly slug: string; readonly name: string } | null
  readonly text: string
  readonly since: number
  readonly remedy: string
}

type Answer = {
  readonly data: { readonly count: number; readonly problems: readonly Problem[] }
}

const EVERY_MS = 10_000
/** So that what happens is not pushed away by what is wrong. */
const SHOWN = 5
const LOOKS = { critical: 'bad', warning: 'warn', notice: '' } as const

type Place = (slug: string) => string

/** PLACES: the page that has more on a problem of an app. */
const PLACES: Readonly<Record<string, readonly [title: string, place: Place]>> = {
  app_refused: ['What is refused', (slug) => href(['apps', slug, 'live'], { kinds: 'refused' })],
  app_nearly_full: ['Limits', (slug) => href(['apps', slug, 'settings'])],
  webhooks_lost: ['Webhooks', webhooksOf],
  webhooks_fail: ['Webhooks', webhooksOf],
  webhooks_given_up: ['Webhooks', webhooksOf],
  webhooks_late: ['Webhooks', webhooksOf],
}

function webhooksOf(slug: string): string {
  return href(['apps', slug, 'webhooks'])
}

/** Of all that the caller sees, or of one app. */
export function Problems({ slug }: { readonly slug?: string }) {
  const [showsAll, setShowsAll] = useState(false)
  const loaded = useLoaded(() => api<Answer>('GET', 'api/admin/problems'), [], {
    everyMs: EVERY_MS,
  })
  return (
    <section class="problems" aria-label="What is wrong right now">
      <Show of={loaded}>
        {({ data }) => {
          const shown = data.problems.filter(({ app }) => slug === undefined || app?.slug === slug)
          const isWell = shown.every(({ severity }) => severity === 'notice')
          const more = slug === undefined ? data.count - data.problems.length : 0
          return (
            <>
              {isWell && (
                <p class="well">
                  <span class="tag good">All is well</span>
                </p>
              )}
              {shown.length > 0 && (
                <ul>
                  {shown.slice(0, showsAll ? shown.length : SHOWN).map((problem) => (
                    <Line key={keyOf(problem)} problem={problem} isNamed={slug === undefined} />
                  ))}
                </ul>
              )}
              {shown.length > SHOWN && (
                <Button look="link" onClick={() => setShowsAll(!showsAll)}>
                  {showsAll ? 'Show fewer' : `Show all ${shown.length}`}
                </Button>
              )}
              {more > 0 && <p class="hint">And {more} more, less grave.</p>}
            </>
          )
        }}
      </Show>
    </section>
  )
}

const keyOf = ({ code, app, since, text }: Problem): string =>
  `${code} ${app?.id ?? ''} ${since} ${app ? '' : text.replace(/\d+/g, '')}`

type LineProps = { readonly problem: Problem; readonly isNamed: boolean }

function Line({ problem, isNamed }: LineProps) {
  const { code, severity, app, text, since, remedy } = problem
  const [title, place] = PLACES[code] ?? []
  return (
    <li class={severity}>
      <span class={`tag ${LOOKS[severity]}`}>{severity}</span>
      <p>
        {app && isNamed && (
          <>
            <a href={href(['apps', app.slug])}>{app.name}</a>:{' '}
          </>
        )}
        {text}
      </p>
      <small>
        since <Time at={since} />
      </small>
      <p class="remedy">
        {withCode(remedy)} {app && place && <a href={place(app.slug)}>{title}</a>}
      </p>
    </li>
  )
}

/** What stands in backticks, as code. */
const withCode = (text: string) =>
  text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))
