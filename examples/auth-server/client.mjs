/** Connects with somebody's session and tries every channel: `node client.mjs bens-session`. */
import Pusher from 'pusher-js'

const [session = 'adas-session'] = process.argv.slice(2)
const backend = 'http://127.0.0.1:3000'
const headers = { authorization: `Bearer ${session}` }

const pusher = new Pusher('test-app-fake-key', {
  cluster: 'carillon', // the library wants one; it means nothing here
  wsHost: '127.0.0.1',
  wsPort: 6001,
  forceTLS: false,
  channelAuthorization: { endpoint: `${backend}/pusher/auth`, transport: 'ajax', headers },
  userAuthentication: { endpoint: `${backend}/pusher/user-auth`, transport: 'ajax', headers },
})

for (const name of ['private-team', 'presence-team', 'private-encrypted-team', 'private-board']) {
  const channel = pusher.subscribe(name)
  channel.bind('pusher:subscription_succeeded', () => console.log(`in: ${name}`))
  channel.bind('pusher:subscription_error', ({ status }) => console.log(`${status}: ${name}`))
  channel.bind('hello', (data) => console.log(`${name} says ${JSON.stringify(data)}`))
}
pusher.bind('pusher:signin_success', ({ user_data: user }) => {
  console.log(`signed in: ${JSON.parse(user).id}`)
})
pusher.signin()
