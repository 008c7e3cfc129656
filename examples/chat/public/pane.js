// What both panes have in common: what one sees of them, and the requests to the backend.
import { make, nameOf, openLog } from './log.js'

/** Where Carillon is, and as which app: from the backend, so that it is configured in one place. */
export const settings = await (await fetch('settings')).json()

/** A public channel that every page subscribes to. */
export const EVERYBODY = 'everybody'

/** With `?backend=none` Carillon itself signs, as it does in development for pages of its own machine. */
const hasBackend = new URLSearchParams(location.search).get('backend') !== 'none'
export const authEndpoint = hasBackend ? '/auth' : `${settings.url}/pusher/auth`

const NAMES = 'Ada Alan Barbara Edsger Grace Joan Katherine Linus Margaret'.split(' ')
const STATES = {
  connecting: 'Connecting …',
  connected: 'Connected',
  disconnected: 'Unplugged',
  unavailable: `No server at ${settings.url}, trying again …`,
  failed: 'Refused',
}

export const NO_BACKEND = 'The backend does not answer.'

const find = (selector, inside = document) => inside.querySelector(selector)
const postForm = (url, fields) => fetch(url, { method: 'POST', body: new URLSearchParams(fields) })

const panes = []
let word = sessionStorage.getItem('word') ?? ''

const chosenRoom = () => find('#rooms :checked').value
/** A private room whose word was not said yet. */
const isLocked = (room) => hasBackend && room.startsWith('private-') && word === ''

/**
 * Opens a pane. Its library does the rest: `enter(room)` and `leave()`, `connect()` and `disconnect()`, and
 * `say(message)`, which sends a client event, or returns false where it cannot.
 */
export function openPane(library, { enter, leave, connect, disconnect, say }) {
  const section = find('#pane').content.cloneNode(true).firstElementChild
  const [name, state, plug, input, broadcast, direct, problem] = [
    '.name',
    '.state',
    '.plug',
    '.message',
    '.broadcast',
    '.direct',
    '.problem',
  ].map((selector) => find(selector, section))
  const area = find('.log', section)
  const log = openLog(area, (author) => author === name.value)
  let room = chosenRoom()
  /** Who is in the room; undefined until the library has said so. */
  let people
  let isPlugged = true
  let wasCut = false

  find('h2', section).textContent = library
  section.classList.add(library.replace('.', '-'))
  section.ariaLabel = library
  area.ariaLabel = `What is said, in ${library}`
  input.ariaLabel = `Message, in ${library}`
  name.value = sessionStorage.getItem(library) ?? NAMES.splice(Math.random() * NAMES.length, 1)[0]
  sessionStorage.setItem(library, name.value)

  const drawPeople = () => {
    const isPresence = room.startsWith('presence-')
    const nobody = isPresence ? 'Nobody yet' : 'A private channel has no list of who is here.'
    const items = (people ?? []).map((each) =>
      make('li', each === name.value ? 'own' : '', nameOf(each)),
    )
    find('.people h3', section).hidden = !isPresence
    find('.people ul', section).replaceChildren(
      ...(items.length > 0 ? items : [make('li', 'nobody', nobody)]),
    )
  }

  plug.onclick = () => {
    isPlugged = !isPlugged
    plug.textContent = isPlugged ? 'Pull the plug' : 'Plug in again'
    if (isPlugged) connect()
    else disconnect()
  }
  name.onchange = () => {
    name.value = name.value.trim() || 'Nobody'
    sessionStorage.setItem(library, name.value)
    pane.come()
  }
  if (!hasBackend) [broadcast.disabled, direct.disabled, direct.checked] = [true, true, true]
  broadcast.onchange = () => (direct.disabled = broadcast.checked)
  direct.onchange = () => (broadcast.disabled = direct.checked)

  /** From here to the others, past the backend: history does not keep it. */
  const sayDirectly = (text) => {
    const id = `${Date.now()}-${Math.random()}`
    const message = { id, at: Date.now(), name: name.value, text }
    if (!say(message)) return 'This needs the connection, and a room that let you in.'
    log.hear(room, message, 'directly') // a client event does not come back to its sender
  }
  /** By the backend, which publishes it to the room or to everybody; it comes back like to all others. */
  const sayByBackend = async (text) => {
    const fields = { room, name: name.value, text, word }
    if (broadcast.checked) fields.broadcast = 'yes'
    const answer = await postForm('messages', fields).catch(() => undefined)
    if (!answer) return NO_BACKEND
    if (!answer.ok) return (await answer.json()).reason
  }
  find('.say', section).onsubmit = async (event) => {
    event.preventDefault()
    const text = input.value.trim()
    if (text === '') return
    const reason = direct.checked ? sayDirectly(text) : await sayByBackend(text)
    pane.complain(reason ?? '')
    if (reason === undefined && input.value.trim() === text) input.value = ''
  }

  const pane = {
    /** Enters the room that is chosen above. */
    come() {
      leave()
      room = chosenRoom()
      people = undefined
      pane.complain('')
      log.show(room, isLocked(room) ? 'The word is asked for above.' : 'Nothing was said here yet.')
      drawPeople()
      area.ariaBusy = 'true'
      if (!isLocked(room)) enter(room)
    },
    /** What the backend is told of who asks. */
    identity: () => ({ user_id: name.value, word }),
    /** Asks the backend to sign, for a library that does not ask by itself. */
    async sign(socketId, channel) {
      const fields = { socket_id: socketId, channel_name: channel, ...pane.identity() }
      const answer = await postForm(authEndpoint, fields).catch(() => undefined)
      const signed = await answer?.json()
      if (answer?.ok) return signed
      const reason = answer ? (signed.reason ?? signed.error) : NO_BACKEND
      throw Object.assign(new Error(reason), { isForbidden: answer?.status === 403 })
    },
    showState(now) {
      wasCut ||= state.dataset.state === 'connected' && now !== 'connected'
      const shown = now === 'disconnected' && isPlugged ? 'unavailable' : now
      state.dataset.state = shown
      state.textContent = STATES[shown] ?? shown
      if (shown !== 'connected') area.ariaBusy = 'true'
      else pane.complain('') // what was wrong without a connection
    },
    showPeople(names) {
      const now = names.toSorted()
      for (const each of now)
        if (people && !people.includes(each)) log.note(room, nameOf(each), ' came in')
      for (const each of people ?? [])
        if (!now.includes(each)) log.note(room, nameOf(each), ' left')
      people = now
      drawPeople()
    },
    /** The room let us in. Where carillon/resume knows what was missed, it has said so in the same turn. */
    entered() {
      area.ariaBusy = 'false'
      queueMicrotask(() => {
        if (wasCut) log.note(room, 'Back. This app keeps no history: what was said is missed.')
        wasCut = false
      })
    },
    recovered(channel, { recovered, missed }) {
      wasCut = false
      const where = channel === EVERYBODY ? ' to all rooms' : ''
      if (!recovered) log.note(room, `Back. Not all that was said${where} is kept.`)
      else if (missed > 0) log.note(room, `Back. ${missed}${where} caught up.`)
      else if (channel !== EVERYBODY) log.note(room, 'Back. Nothing was missed.')
    },
    complain: (reason) => (problem.textContent = reason),
    /** We are not in the room. Where the backend has said no, it may be for the word. */
    refused(reason, isForbidden) {
      pane.complain(reason)
      if (isForbidden && room.startsWith('private-') && hasBackend) openDoor()
    },
    hear: (message) => log.hear(room, message),
    hearDirectly: (message) => log.hear(room, message, 'directly'),
    hearBroadcast(message) {
      for (const { value } of document.querySelectorAll('#rooms input'))
        log.hear(value, message, 'to all rooms')
    },
  }
  pane.showState('connecting')
  find('main').append(section)
  panes.push(pane)
  return pane
}

function openDoor() {
  word = ''
  sessionStorage.removeItem('word')
  find('#door').hidden = false
  find('#word').select()
}

find('#rooms').onchange = () => {
  find('#door').hidden = true
  for (const pane of panes) pane.come()
  if (isLocked(chosenRoom())) openDoor()
}
find('#door').onsubmit = (event) => {
  event.preventDefault()
  word = find('#word').value.trim()
  sessionStorage.setItem('word', word)
  find('#door').hidden = true
  for (const pane of panes) pane.come()
  find('.message').focus()
}

const other = make('a', '', hasBackend ? 'Try it without the backend' : 'Back to the backend')
other.href = hasBackend ? '?backend=none' : '?'
find('#mode').append(hasBackend ? '' : 'Carillon signs, and messages are client events. ', other)
