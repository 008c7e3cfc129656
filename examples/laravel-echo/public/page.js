/** The page: Laravel Echo as `resources/js/echo.js` sets it up, and what it hears. */
import Echo from '/vendor/echo.js'

const me = new URLSearchParams(location.search).get('as') ?? '1'
const authorization = `Bearer ${me}`

const echo = new Echo({
  broadcaster: 'pusher',
  Pusher: window.Pusher,
  key: 'test-app-fake-key',
  cluster: 'mt1', // the library wants one; it means nothing here
  wsHost: '127.0.0.1',
  wsPort: 6001,
  wssPort: 6001,
  forceTLS: false,
  enabledTransports: ['ws'],
  authEndpoint: '/broadcasting/auth',
  auth: { headers: { authorization } },
})

const find = (id) => document.getElementById(id)

/** Texts of others are only ever text: nothing here is parsed as HTML. */
function makeItem(text, detail = '') {
  const item = document.createElement('li')
  const small = document.createElement('small')
  small.textContent = detail
  item.append(text, ' ', small)
  return item
}

/** The newest first, at most eight. */
function show(list, item) {
  find(list).prepend(item)
  find(list).children[8]?.remove()
}

// The connection.

const STATES = { connected: 'Connected', connecting: 'Connecting …' }

function showState(state) {
  document.body.dataset.state = state
  find('state').textContent = STATES[state] ?? 'Not connected. Trying again …'
  // A whisper that nobody can hear would be lost.
  for (const button of document.querySelectorAll('button')) button.disabled = state !== 'connected'
}
showState(echo.connectionStatus())
echo.connector.onConnectionChange(showState)

// A public channel: an event of the application, by the name of its class.

const showOrder = ({ id, item, by }) => show('orders', makeItem(item, `order ${id}, by ${by}`))

echo.channel('orders').listen('OrderShipped', ({ order }) => showOrder(order))

find('ship').addEventListener('submit', async (event) => {
  event.preventDefault()
  const item = find('item').value
  // With the socket's id the application leaves this page out: `toOthers()`. It shows the order by itself.
  const headers = {
    authorization,
    'content-type': 'application/json',
    'x-socket-id': echo.socketId() ?? '',
  }
  const question = { method: 'POST', headers, body: JSON.stringify({ item }) }
  const answer = await fetch('/orders', question).catch(() => undefined)
  find('trouble').textContent = answer?.ok ? '' : 'That was not shipped. Does the application run?'
  if (!answer?.ok) return
  showOrder((await answer.json()).order)
  if (find('item').value === item) find('ship').reset()
})

// A private channel: notifications.

find('mine').textContent = `private-App.Models.User.${me}`

echo
  .private(`App.Models.User.${me}`)
  .notification(({ order }) =>
    show('notifications', makeItem(`${order.item} is on its way`, `order ${order.id}`)),
  )
  .error(() => (find('mine').textContent += ', but you may not'))

// A presence channel: who is here, and whispers among them.

const here = new Map()

function showHere() {
  const items = [...here.values()].map(({ id, name }) =>
    makeItem(name, String(id) === me ? 'you' : ''),
  )
  find('here').replaceChildren(...items)
}

const support = echo
  .join('support.1')
  .here((users) => {
    here.clear()
    for (const user of users) here.set(user.id, user)
    showHere()
  })
  .joining((user) => {
    here.set(user.id, user)
    showHere()
  })
  .leaving((user) => {
    here.delete(user.id)
    showHere()
    stopTyping(user.name)
  })
  .listenForWhisper('typing', (_, { user_id: id }) => showTyping(nameOf(id)))
  .listenForWhisper('question', ({ question }, { user_id: id }) => {
    stopTyping(nameOf(id))
    show('whispers', makeItem(question, nameOf(id)))
  })

/** The server says whose a whisper is; what it carries is what somebody typed. */
const nameOf = (id) => here.get(Number(id))?.name ?? 'Somebody'

/** Who types, and the timer that forgets it. */
const typing = new Map()

function showTyping(name) {
  clearTimeout(typing.get(name))
  typing.set(
    name,
    setTimeout(() => stopTyping(name), 3000),
  )
  drawTyping()
}

function stopTyping(name) {
  clearTimeout(typing.get(name))
  typing.delete(name)
  drawTyping()
}

function drawTyping() {
  find('typing').textContent = [...typing.keys()].map((name) => `${name} is typing …`).join(' ')
}

/** Says at most once a second that somebody types. */
let saidAt = 0
find('question').addEventListener('input', () => {
  if (Date.now() - saidAt < 1000) return
  saidAt = Date.now()
  support.whisper('typing', {})
})

find('ask').addEventListener('submit', (event) => {
  event.preventDefault()
  const question = find('question').value
  support.whisper('question', { question })
  show('whispers', makeItem(question, 'you'))
  find('ask').reset()
  saidAt = 0
})

// The same page as somebody else.

for (const [id, name] of [
  ['1', 'Ann'],
  ['2', 'Ben'],
]) {
  const link = document.createElement('a')
  link.href = `?as=${id}`
  link.textContent = id === me ? `You are ${name}` : `Open as ${name}`
  if (id === me) link.setAttribute('aria-current', 'page')
  else link.target = '_blank'
  document.querySelector('nav').append(link)
}
