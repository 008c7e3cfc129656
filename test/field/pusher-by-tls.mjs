/**
 * A program for Node.js: pusher-js and the SDK by TLS on a port of this machine, trusting whom the environment
 * says (`NODE_EXTRA_CA_CERTS`). Subscribes, publishes, prints what was heard. Arguments: port, app's id, key,
 * secret. (On Bun 1.4.5 pusher-js for Node.js does not connect by TLS: its WebSocket never opens.)
 */
import Pusher from 'pusher'
import PusherJs from 'pusher-js'

const [port, appId, key, secret] = process.argv.slice(2)
const options = { cluster: 'test', wsHost: '127.0.0.1', wssPort: Number(port), forceTLS: true }
const pusher = new PusherJs(key, { ...options, enabledTransports: ['ws'] })
pusher.connection.bind('error', console.error)
const room = pusher.subscribe('room')
room.bind('e', (data) => {
  console.log(JSON.stringify(data))
  process.exit()
})
room.bind('pusher:subscription_succeeded', () => {
  const sdk = new Pusher({ appId, key, secret, host: '127.0.0.1', port, useTLS: true })
  void sdk.trigger('room', 'e', { by: 'TLS' })
})
