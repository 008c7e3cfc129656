/** One endpoint: how it is, its numbers, what one can do about it, and what became of the last requests. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { api } from '../api'
import { formatDuration } from '../format'
import { may, useSession } from '../session'
import { Button, Num, Time } from '../ui/ui'
import { ErrorLine } from '../ui/page'
import { useAction } from '../use'
import { DeadLetters } from './dead-letters'
import { countEvents, healthOf, pathOf, type Endpoint, type Tested } from './endpoint'
import { Exchange, Outcome, Trouble } from './exchange'
import { Requests, Strip } from './requests'

type CardProps = {
  readonly slug: string
  readonly endpoint: Endpoint
  readonly onChange: () => void
}

export function EndpointCard({ slug, endpoint, onChange }: CardProps) {
  const { id, attempts, dead } = endpoint
  const mayChange = may(useSession(), 'change_app')
  const [tested, setTested] = useState<Tested>()
  const path = `${pathOf(slug)}/endpoints/${id}`
  const isPaused = endpoint.paused_at !== null
  const testing = useAction(async () => {
    setTested(undefined)
    setTested((await api<{ readonly data: Tested }>('POST', `${path}/test`)).data)
  })
  const pausing = useAction(async () => {
    await api('POST', `${path}/${isPaused ? 'resume' : 'pause'}`)
    onChange()
  })
  const health = healthOf(endpoint, Date.now())
  const [last] = attempts
  return (
    <section class="card endpoint" aria-label={endpoint.endpoint}>
      <header>
        <div>
          <h2 class="mono">{endpoint.endpoint}</h2>
          <p>
            <span class={`tag ${health.look}`}>{health.word}</span>
            {health.since !== undefined && (
              <span>
                since <Time at={health.since} />
              </span>
            )}
            {dead > 0 && <span class="tag bad">{countEvents(dead)} dead</span>}
          </p>
        </div>
        {mayChange && endpoint.state !== 'removed' && (
          <div class="actions">
            <Button onClick={testing.run} isBusy={testing.isBusy}>
              {testing.isBusy ? 'Waiting for its answer …' : 'Send a test event'}
            </Button>
            <Button
              onClick={pausing.run}
              isBusy={pausing.isBusy}
              look={isPaused ? 'primary' : 'plain'}
            >
              {isPaused ? 'Resume' : 'Pause'}
            </Button>
          </div>
        )}
      </header>
      <ErrorLine error={testing.error ?? pausing.error} />
      {health.about && <p class="hint">{health.about}</p>}
      {last && health.look === 'bad' && <Trouble error={last.error} />}
      <Numbers endpoint={endpoint} />
      {tested && <TestedEvent tested={tested} onClose={() => setTested(undefined)} />}
      {attempts.length > 0 && (
        <Opening
          title={`Last ${attempts.length === 1 ? 'request' : `${attempts.length} requests`}`}
        >
          <Requests slug={slug} endpoint={endpoint} />
        </Opening>
      )}
      {dead > 0 && (
        <Opening title={`Dead: ${countEvents(dead)}`}>
          <DeadLetters key={id} slug={slug} endpoint={endpoint} onReplayed={onChange} />
        </Opening>
      )}
    </section>
  )
}

function Numbers({ endpoint }: Pick<CardProps, 'endpoint'>) {
  const { pending, failing, dead, oldest, attempts } = endpoint
  const [last] = attempts
  return (
    <dl class="numbers">
      <Fact name="Wait">
        <Num value={pending} unit={pending === 1 ? 'event' : 'events'} />
      </Fact>
      <Fact name="Refused so far">
        <Num value={failing} unit={failing === 1 ? 'event' : 'events'} />
      </Fact>
      <Fact name="Given up">
        <Num value={dead} unit={dead === 1 ? 'event' : 'events'} />
      </Fact>
      <Fact name="Oldest waits for">
        {oldest === null ? '–' : formatDuration(Math.max(0, Date.now() - oldest))}
      </Fact>
      {last && (
        <>
          <Fact name="Last request">
            <Outcome of={last} />, <Time at={last.at} isAgo />
          </Fact>
          <Fact name={`Last ${attempts.length}`}>
            <Strip attempts={attempts} />
          </Fact>
        </>
      )}
    </dl>
  )
}

type TestedProps = { readonly tested: Tested; readonly onClose: () => void }

const TestedEvent = ({ tested, onClose }: TestedProps) => (
  <section class="tested" aria-label="The test event">
    <header>
      <h3>Test event</h3>
      <span role="status">
        <Outcome of={tested} />
      </span>
      <Button look="link" onClick={onClose} label="Close the test event">
        Close
      </Button>
    </header>
    <Exchange of={tested} />
  </section>
)

type FactProps = { readonly name: string; readonly children: ComponentChildren }

const Fact = ({ name, children }: FactProps) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

type OpeningProps = { readonly title: string; readonly children: ComponentChildren }

/** What is in it is rendered while it is open, and loaded then. */
function Opening({ title, children }: OpeningProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <h3>{title}</h3>
      </summary>
      {isOpen && children}
    </details>
  )
}
