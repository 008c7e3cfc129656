/** What ends the use of an app: disabling it, which can be taken back, and deleting it, which cannot. */
import { useState } from 'preact/hooks'
import { href, navigate } from '../router'
import { may, useSession } from '../session'
import { useAction } from '../use'
import { ErrorLine } from '../ui/page'
import { Button, Confirm, Field } from '../ui/ui'
import { changeApp, deleteApp, type AppView } from './app'

type Props = { readonly app: AppView; readonly onChanged: (app: AppView) => void }

export function Ending({ app, onChanged }: Props) {
  const mayDelete = may(useSession(), 'delete_app')
  const [isAsked, setAsked] = useState<'disable' | 'delete'>()
  const enable = useAction(async () => onChanged(await changeApp(app.slug, { active: true })))
  const close = () => setAsked(undefined)
  return (
    <>
      <section class="card ending" aria-label="Disable or delete">
        {app.active ? (
          <Row
            title="Disable the app"
            about="It refuses everybody until it is enabled again. Nothing of it is lost."
          >
            <Button look="danger" onClick={() => setAsked('disable')}>
              Disable
            </Button>
          </Row>
        ) : (
          <Row title="Enable the app" about="Clients and servers are accepted again, at once.">
            <Button look="primary" onClick={enable.run} isBusy={enable.isBusy}>
              Enable
            </Button>
          </Row>
        )}
        <ErrorLine error={enable.error} />
        {mayDelete && app.provided_by === null && (
          <Row
            title="Delete the app"
            about="Its keys, settings, history and webhooks go with it, for good."
          >
            <Button look="danger" onClick={() => setAsked('delete')}>
              Delete
            </Button>
          </Row>
        )}
      </section>
      {isAsked === 'disable' && (
        <Confirm
          title={`Disable ${app.name}?`}
          verb="Disable"
          act={async () => onChanged(await changeApp(app.slug, { active: false }))}
          onClose={close}
        >
          <p>Its connections are closed with 4003, and its servers are refused.</p>
        </Confirm>
      )}
      {isAsked === 'delete' && <Deletion app={app} onClose={close} />}
    </>
  )
}

type RowProps = {
  readonly title: string
  readonly about: string
  readonly children: preact.ComponentChildren
}

const Row = ({ title, about, children }: RowProps) => (
  <div>
    <div>
      <h2>{title}</h2>
      <p class="hint">{about}</p>
    </div>
    {children}
  </div>
)

/** The name is typed, so that it is this app and no other. */
function Deletion({ app, onClose }: { readonly app: AppView; readonly onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const act = async () => {
    await deleteApp(app.slug)
    navigate(href(['apps']))
  }
  return (
    <Confirm
      title={`Delete ${app.name}?`}
      verb="Delete for good"
      act={act}
      onClose={onClose}
      isOff={typed !== app.name}
    >
      <p>Its connections are closed with 4001. This cannot be taken back.</p>
      <Field label={`To go on, type its name: ${app.name}`}>
        {(attributes) => (
          <input
            {...attributes}
            value={typed}
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        )}
      </Field>
    </Confirm>
  )
}
