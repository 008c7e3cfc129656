// The left pane: pusher-js as its package brings it, and carillon/resume.
import { authEndpoint, EVERYBODY, NO_BACKEND, openPane, settings } from './pane.js'
import { resume } from './resume.js'

const { Pusher } = globalThis
let room

const pane = openPane('pusher-js', {
  enter,
  leave,
  connect: () => pusher.connect(),
  disconnect: () => pusher.disconnect(),
  say: (message) => room?.trigger('client-message', message) ?? false,
})

resume(Pusher, { onRecovered: pane.recovered }) // one line, before the first connection

const pusher = new Pusher(settings.key, {
  cluster: 'carillon', // the library wants one; it means nothing here
  wsHost: settings.host,
  wsPort: settings.port,
  wssPort: settings.port,
  forceTLS: settings.useTLS,
  enabledTransports: ['ws'], // with forceTLS it connects by wss,
  channelAuthorization: {
    endpoint: authEndpoint,
    transport: 'ajax',
    paramsProvider: pane.identity,
  },
})
pusher.connection.bind('state_change', ({ current }) => pane.showState(current))
pusher.connection.bind('error', ({ error }) => error?.data && pane.complain(error.data.message))

// The binding to the whole app: the event, on whichever channel it comes.
pusher.subscribe(EVERYBODY)
pusher.bind('broadcast', pane.hearBroadcast)

function enter(name) {
  room = pusher.subscribe(name)
  // The binding to the room.
  room.bind('message', pane.hear)
  room.bind('client-message', pane.hearDirectly)
  room.bind('pusher:subscription_succeeded', () => {
    pane.entered()
    showPeople()
  })
  room.bind('pusher:subscription_error', ({ status, error }) => {
    const reason = { 0: NO_BACKEND, 403: 'That is not the word of this room.' }[status] ?? error
    pane.refused(reason, status === 403)
  })
  room.bind('pusher:member_added', showPeople)
  room.bind('pusher:member_removed', showPeople)
}

function leave() {
  room?.unbind_all()
  if (room) pusher.unsubscribe(room.name)
  room = undefined
}

function showPeople() {
  const names = []
  room?.members?.each(({ id }) => names.push(id))
  pane.showPeople(names)
}

pane.come()
