/** One change: who made it, and each value before and after. */
import type { AppView } from '../apps/app'
import { Button, Copy, Dialog, Time } from '../ui/ui'
import { ACTIONS, type AuditRow } from './audit'
import { differencesOf, type Difference } from './diff'
import { AppLink } from './scope'

type AuditEntryProps = {
  readonly row: AuditRow
  readonly apps: readonly AppView[]
  readonly onClose: () => void
}

export function AuditEntry({ row, apps, onClose }: AuditEntryProps) {
  const { action, actor, address, app_id: app, at, before, after, request_id, target } = row
  const differences = differencesOf(before, after)
  return (
    <Dialog title={ACTIONS[action] ?? action} onClose={onClose}>
      <dl class="entry-facts">
        <dt>When</dt>
        <dd>
          <Time at={at} />, <Time at={at} isAgo />
        </dd>
        <dt>Who</dt>
        <dd>
          {actor.name}
          {actor.kind === 'token' && ', a token'}, from {address}
        </dd>
        {app !== null && (
          <>
            <dt>App</dt>
            <dd>
              <AppLink id={app} apps={apps} />
            </dd>
          </>
        )}
        {target !== null && (
          <>
            <dt>Of</dt>
            <dd>
              <code>{target}</code>
            </dd>
          </>
        )}
        {request_id !== null && (
          <>
            <dt>In the log</dt>
            <dd>
              <code>{request_id}</code>
            </dd>
          </>
        )}
      </dl>
      {differences.length > 0 && <Differences differences={differences} />}
      <p class="actions">
        <Copy text={JSON.stringify(row, undefined, 2)} label="Copy as JSON">
          Copy as JSON
        </Copy>
        <Button look="primary" onClick={onClose}>
          Close
        </Button>
      </p>
    </Dialog>
  )
}

/** Green is what there is now, red what there was; signs say the same. */
const Differences = ({ differences }: { readonly differences: readonly Difference[] }) => (
  <div class="diff" tabIndex={0} role="group" aria-label="What has changed">
    {differences.map(({ path, before, after }) => (
      <div key={path} class="difference">
        <code class="path">{path}</code>
        {before !== undefined && (
          <p class="was">
            <span aria-label="before">−</span>
            <code>{before}</code>
          </p>
        )}
        {after !== undefined && (
          <p class="is">
            <span aria-label="after">+</span>
            <code>{after}</code>
          </p>
        )}
      </div>
    ))}
  </div>
)
