/** What is asked before a connection or a user is ended: what their clients do then. */
import { useState } from 'preact/hooks'
import { Confirm } from '../ui/ui'
import { endConnection, endUser, type ConnectionRow } from './data'
import { isPhoenix } from './words'

type EndConnectionProps = {
  readonly slug: string
  readonly connection: Pick<ConnectionRow, 'socket_id' | 'protocol'>
  readonly onClose: () => void
  readonly onEnded: () => void
}

export function EndConnection({ slug, connection, onClose, onEnded }: EndConnectionProps) {
  const { socket_id: id, protocol } = connection
  const [comesBack, setComesBack] = useState(false)
  const act = async () => {
    await endConnection(slug, id, comesBack)
    onEnded()
  }
  return (
    <Confirm title="End the connection" verb="End it" act={act} onClose={onClose}>
      <p>
        <code>{id}</code> is closed, and leaves its channels.
      </p>
      {isPhoenix(protocol) ? (
        <p>
          Phoenix clients connect again at once. One that names no app when it connects is not
          closed: it leaves the channels of this app, and does not join them again by itself.
        </p>
      ) : (
        <fieldset class="people-choice">
          <legend>Its client</legend>
          <label>
            <input
              type="radio"
              name="comes-back"
              checked={!comesBack}
              onChange={() => setComesBack(false)}
            />
            <span>
              stays away (4009)
              <small> pusher-js does not connect again until its page is loaded anew.</small>
            </span>
          </label>
          <label>
            <input
              type="radio"
              name="comes-back"
              checked={comesBack}
              onChange={() => setComesBack(true)}
            />
            <span>
              comes back at once (4200)
              <small> with another socket id, and subscribes again.</small>
            </span>
          </label>
        </fieldset>
      )}
      <NoBan />
    </Confirm>
  )
}

type EndUserProps = {
  readonly slug: string
  readonly userId: string
  readonly onClose: () => void
  readonly onEnded: () => void
}

export function EndUser({ slug, userId, onClose, onEnded }: EndUserProps) {
  const act = async () => {
    await endUser(slug, userId)
    onEnded()
  }
  return (
    <Confirm
      title={`End every connection of ${userId}`}
      verb="End them all"
      act={act}
      onClose={onClose}
    >
      <p>
        All connections that are signed in as <code>{userId}</code> are closed with 4009, on every
        node. pusher-js does not connect again until its page is loaded anew; Phoenix clients
        connect again at once.
      </p>
      <p>Members of presence channels who have this id and have not signed in stay.</p>
      <NoBan />
    </Confirm>
  )
}

const NoBan = () => (
  <p class="hint">
    Nobody is kept out by this: whoever connects again is let in. To keep somebody out, the app’s
    server refuses to sign for them.
  </p>
)
