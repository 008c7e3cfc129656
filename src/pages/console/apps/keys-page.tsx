/** Keys of an app: its one or two pairs, and the order in which they are changed so that nobody is refused. */
import { useState } from 'preact/hooks'
import { href, type PageProps } from '../router'
import { may, useSession } from '../session'
import { useAction, useLoaded } from '../use'
import { ErrorLine } from '../ui/page'
import { Button, Confirm, Copy, Page, Secret, Show } from '../ui/ui'
import { addKeys, isMasked, loadApp, retireKeys, type AppView, type KeyPair } from './app'
import './apps.css'

export function KeysPage({ params }: PageProps) {
  const slug = params['slug']!
  const loaded = useLoaded(() => loadApp(slug), [slug])
  return (
    <Page title="Keys" name={`Keys · ${slug}`}>
      <Show of={loaded}>
        {(app) => <Keys app={app} reload={loaded.state === 'loaded' ? loaded.reload : () => {}} />}
      </Show>
    </Page>
  )
}

type KeysProps = { readonly app: AppView; readonly reload: () => void }

function Keys({ app, reload }: KeysProps) {
  const mayChange = may(useSession(), 'change_app') && app.provided_by === null
  const [retired, setRetired] = useState<KeyPair>()
  const add = useAction(async () => {
    await addKeys(app.slug)
    reload()
  })
  const isRotating = app.keys.length > 1
  const newest = app.keys.at(-1)!
  return (
    <>
      {app.provided_by !== null && (
        <p class="stale">The keys come from {app.provided_by} and are changed there.</p>
      )}
      {app.keys.toReversed().map((pair) => (
        <section key={pair.key} class="card pair" aria-label={`Pair ${pair.key}`}>
          <header class="page-head">
            <h2>
              {isRotating ? (pair === newest ? 'New pair' : 'Old pair') : 'Pair'}{' '}
              <span class="tag good">works</span>
            </h2>
            {mayChange && isRotating && (
              <Button look={pair === newest ? 'plain' : 'danger'} onClick={() => setRetired(pair)}>
                Retire
              </Button>
            )}
          </header>
          <dl class="credentials">
            <div>
              <dt>Key, for clients</dt>
              <dd>
                <code>{pair.key}</code> <Copy text={pair.key} label={`Copy the key ${pair.key}`} />
              </dd>
            </div>
            <div>
              <dt>Secret, for servers</dt>
              <dd>
                {isMasked(app) ? (
                  <span class="hint">Your token only reads, so it is not shown.</span>
                ) : (
                  <Secret value={pair.secret} name={`the secret of ${pair.key}`} />
                )}
              </dd>
            </div>
          </dl>
        </section>
      ))}
      {mayChange && (
        <section class="card rotation" aria-labelledby="rotation">
          <h2 id="rotation">Change the pair, with nobody refused</h2>
          <ol>
            <li aria-current={isRotating ? undefined : 'step'}>
              <p>
                <b>Add a pair.</b> Both work then, for clients, servers and webhooks.
              </p>
              {!isRotating && (
                <Button look="primary" onClick={add.run} isBusy={add.isBusy}>
                  Add a pair
                </Button>
              )}
              <ErrorLine error={add.error} />
            </li>
            <li aria-current={isRotating ? 'step' : undefined}>
              <p>
                <b>Deploy the new one</b> to your servers, then to your clients.{' '}
                <a href={href(['apps', app.slug, 'connect'])}>Connect</a> shows the newest.
              </p>
            </li>
            <li aria-current={isRotating ? 'step' : undefined}>
              <p>
                <b>Retire the old one</b> when nothing uses it any more. Whoever still signs with it
                is refused from then on; connections that were made with it stay.
              </p>
            </li>
          </ol>
        </section>
      )}
      {retired && (
        <Confirm
          title="Retire this pair?"
          verb="Retire"
          act={async () => {
            await retireKeys(app.slug, retired.key)
            reload()
          }}
          onClose={() => setRetired(undefined)}
        >
          <p>
            <code>{retired.key}</code>
          </p>
          <p>
            {retired === newest
              ? 'This is the new pair: whatever has it already is refused.'
              : 'Whoever still signs with it is refused from then on.'}{' '}
            Its secret is not kept.
          </p>
        </Confirm>
      )}
    </>
  )
}
