// The right pane: phoenix.js as its package brings it, and carillon/resume.
import { EVERYBODY, openPane, settings } from './pane.js'
import { Presence, Socket } from './phoenix.js'
import { resumePhoenix } from './resume.js'

let room

const pane = openPane('phoenix.js', {
  enter,
  leave,
  connect: () => socket.connect(),
  disconnect: () => socket.disconnect(),
  say: (message) => {
    if (room?.state !== 'joined') return false
    room.push('client-message', message).receive('error', ({ reason }) => pane.complain(reason))
    return true
  },
})

const socket = new Socket(`${settings.url.replace('http', 'ws')}/socket`, {
  params: { app_key: settings.key },
  rejoinAfterMs: (tries) => [100, 1000, 5000][tries - 1] ?? 10_000,
})
resumePhoenix(socket, { onRecovered: pane.recovered }) // one line, before the first join
socket.onOpen(() => pane.showState('connected'))
socket.onClose(() => pane.showState('disconnected'))
socket.connect()

// The binding to everybody.
const everybody = socket.channel(EVERYBODY)
everybody.on('broadcast', pane.hearBroadcast)
everybody.join()

function enter(topic) {
  let signed = {}
  const channel = socket.channel(topic, () => signed)
  room = channel
  // The binding to the room.
  channel.on('message', pane.hear)
  channel.on('client-message', pane.hearDirectly)
  const presence = new Presence(channel)
  presence.onSync(() => pane.showPeople(presence.list((name) => name)))
  channel
    .join()
    .receive('ok', pane.entered)
    .receive('error', async ({ reason, socket_id: socketId }) => {
      if (!socketId) return pane.refused(reason, false)
      // The refusal says which connection to sign for; phoenix.js then joins again by itself.
      try {
        signed = await pane.sign(socketId, topic)
      } catch (error) {
        channel.leave()
        if (room === channel) pane.refused(error.message, error.isForbidden)
      }
    })
}

function leave() {
  room?.leave()
  room = undefined
}

pane.come()
