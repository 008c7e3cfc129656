/** Somebody who is online until Ctrl-C: `node client.mjs ada`. */
import Pusher from 'pusher-js'

const [name = 'ada'] = process.argv.slice(2)

const pusher = new Pusher('test-app-fake-key', {
  cluster: 'carillon', // the library wants one; it means nothing here
  wsHost: '127.0.0.1',
  wsPort: 6001,
  forceTLS: false,
  channelAuthorization: {
    endpoint: 'http://127.0.0.1:6001/pusher/auth', // signs on this machine, before there is a backend
    transport: 'ajax',
    params: { user_id: name },
  },
})
pusher
  .subscribe('presence-team')
  .bind('pusher:subscription_succeeded', () => console.log(`${name} is in`))
