// What was said in a pane: a list for each room. Text of others stays text.

const MAX_ENTRIES = 200

export const make = (tag, className, ...content) => {
  const element = document.createElement(tag)
  element.className = className
  element.append(...content)
  return element
}

/** A name, which may be of a script that runs the other way: the words around it stay as they are. */
export const nameOf = (name) => make('bdi', '', name)

/** Fills an element with what is said. `isOwn(name)` tells whether a name is that of the pane. */
export function openLog(element, isOwn) {
  /** Who comes back to a room finds it as it was. */
  const lists = new Map()
  const listOf = (room) => {
    if (!lists.has(room)) lists.set(room, make('ol', ''))
    return lists.get(room)
  }

  /** Adds an entry at its time. */
  const add = (list, entry, at) => {
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40
    entry.dataset.at = at
    const earlier = [...list.children].findLast((other) => Number(other.dataset.at) <= at)
    if (earlier) earlier.after(entry)
    else list.prepend(entry)
    if (list.children.length > MAX_ENTRIES) list.firstElementChild.remove()
    if (isAtEnd) element.scrollTop = element.scrollHeight
  }

  return {
    show(room, textWhileEmpty) {
      element.replaceChildren(listOf(room), make('p', 'empty', textWhileEmpty))
      element.scrollTop = element.scrollHeight
    },
    note: (room, ...content) => add(listOf(room), make('li', 'note', ...content), Date.now()),
    /** Shows a message once: what is replayed may have been heard before. Client events may hold anything. */
    hear(room, message, ...tags) {
      if (typeof message?.text !== 'string') return
      const { id, at, name, text } = message
      const list = listOf(room)
      if ([...list.children].some((entry) => entry.dataset.id === String(id))) return
      const when = Math.min(Number(at) || Date.now(), Date.now())
      const time = new Date(when).toLocaleTimeString([], { timeStyle: 'short' })
      const head = make('p', 'head', nameOf(String(name).slice(0, 40)), ' ')
      head.append(make('time', '', time))
      for (const tag of tags) head.append(' ', make('span', 'tag', tag))
      const body = make('p', 'text', text.slice(0, 1000))
      const entry = make('li', isOwn(name) ? 'own' : '', head, body)
      entry.dataset.id = id
      add(list, entry, when)
    },
  }
}
