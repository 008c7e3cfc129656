/**
 * Resume: what a client missed while its connection was cut, for stock pusher-js, Laravel Echo and phoenix.js.
 * It asks for the position of each event, remembers the last one of each channel, and says it when the client
 * subscribes again. Where the server keeps no events, nothing changes.
 */

/** Tells of a client library that gives no way in. */
const refuse = (library) => console.warn(`carillon/resume: this ${library} cannot be extended`)

/** A socket's `readyState` while it is open. */
const OPEN = 1

/** Positions by the library's channel objects: a channel that was left is another one when it is entered again. */
const positions = new WeakMap()

/** Remembers a position, unless a later one of the same stream is known. */
function note(channel, position) {
  const known = positions.get(channel)
  if (known?.epoch !== position.epoch || position.offset > known.offset)
    positions.set(channel, position)
}

/** An inherited accessor, also of an object whose class extends that of the runtime. */
function findAccessor(object, name) {
  const parent = Object.getPrototypeOf(object)
  return parent && (Object.getOwnPropertyDescriptor(parent, name) ?? findAccessor(parent, name))
}

/** Calls what is the page's: where that throws, it is reported, and keeps nobody from the rest. */
function attempt(call) {
  try {
    call()
  } catch (error) {
    setTimeout(() => {
      throw error
    })
  }
}

/** Calls the page's `onRecovered` where the client has said what it had. */
function report(onRecovered, name, since, { recovered = false, missed = null } = {}) {
  if (since && onRecovered) attempt(() => onRecovered(name, { recovered, missed }))
}

/** One line for pusher-js and Laravel Echo: `resume(Pusher)`, before the first connection. */
export function resume(Pusher, { onRecovered } = {}) {
  const runtime = Pusher.Runtime
  if (!runtime?.createWebSocket || !Pusher.instances) return refuse('pusher-js')

  function wrap(socket) {
    let id
    let pusher
    /** What the subscribes under way have said. */
    const asked = new Map()
    /** What was missed and follows, by channel: how many events are left, where they end, whom they excluded. */
    const replays = new Map()

    const readAnswer = (name, channel, history) => {
      const since = asked.get(name)
      asked.delete(name)
      replays.delete(name)
      if (history?.epoch) {
        const { epoch, offset, missed } = history
        const end = { epoch, offset, socket_id: id }
        if (missed) replays.set(name, { left: missed, end, formerId: since.socket_id })
        else positions.set(channel, end)
      } else positions.delete(channel)
      report(onRecovered, name, since, history)
    }

    const readEvent = (name, channel, epoch, offset) => {
      const replay = replays.get(name)
      if (!replay) return note(channel, { epoch, offset, socket_id: id })
      if (--replay.left)
        return positions.set(channel, { epoch, offset, socket_id: replay.formerId })
      replays.delete(name)
      positions.set(channel, replay.end)
    }

    const hear = (raw) => {
      if (!/"offset":|connection_established|subscription_succeeded/.test(raw)) return
      const { event, channel: name, data, epoch, offset, history } = JSON.parse(raw)
      if (event === 'pusher:connection_established') id = /\d+\.\d+/.exec(JSON.stringify(data))[0]
      const channel = pusher?.channel(name)
      if (!channel) return
      if (event === 'pusher_internal:subscription_succeeded') readAnswer(name, channel, history)
      else if (epoch) readEvent(name, channel, epoch, offset)
    }

    const say = (raw) => {
      if (!/"pusher:subscribe"/.test(raw)) return raw
      const { event, data } = JSON.parse(raw)
      if (event !== 'pusher:subscribe') return raw
      pusher ??= Pusher.instances.find(({ connection }) => connection.socket_id === id)
      const since = positions.get(pusher?.channel(data.channel))
      asked.set(data.channel, since)
      return JSON.stringify({ event, data: { ...data, positions: true, since } })
    }

    const { send } = socket
    socket.send = (raw, ...rest) => send.call(socket, say(raw), ...rest)
    const native = findAccessor(socket, 'onmessage')
    let listener
    Object.defineProperty(socket, 'onmessage', {
      get: () => listener,
      set(listen) {
        listener =
          listen &&
          ((message) => {
            // What some runtimes still deliver once the client has closed is heard by nobody.
            if (!(socket.readyState > OPEN)) hear(message.data)
            listen.call(socket, message)
          })
        native?.set?.call(socket, listener)
      },
    })
    return socket
  }

  const wrapMaker = (owner, name) => {
    const make = owner?.[name]
    if (make) owner[name] = (...given) => wrap(make.apply(owner, given))
  }
  wrapMaker(runtime, 'createWebSocket')
  wrapMaker(runtime.HTTPFactory, 'createStreamingSocket')
  wrapMaker(runtime.HTTPFactory, 'createPollingSocket')
}

/** The same for a `Socket` of phoenix.js, before its first join. What was missed reaches the channel's `on`. */
export function resumePhoenix(socket, { onRecovered } = {}) {
  const { push, decode } = socket
  if (!push || !decode) return refuse('phoenix.js')
  const asked = new Map()
  /** The latest one: one that was left may still be there. */
  const channelOf = (topic) => socket.channels.filter((channel) => channel.topic === topic).pop()

  socket.push = (message) => {
    const { topic, event, payload } = message
    if (event !== 'phx_join') return push.call(socket, message)
    const since = positions.get(channelOf(topic))
    asked.set(topic, since)
    push.call(socket, { ...message, payload: { ...payload, positions: true, since } })
  }

  const readAnswer = (topic, channel, join, history) => {
    const since = asked.get(topic)
    asked.delete(topic)
    report(onRecovered, topic, since, history)
    if (!history?.epoch) return positions.delete(channel)
    const { epoch, offset, events } = history
    positions.set(channel, { epoch, offset })
    for (const { event, payload } of events)
      if (channel.joinRef() === join) attempt(() => channel.trigger(event, payload, null, join))
  }

  socket.decode = (raw, pass) =>
    decode.call(socket, raw, (message) => {
      const { topic, event, payload, ref } = message
      const channel = channelOf(topic)
      const join = channel?.joinRef()
      const isAnswer = event === 'phx_reply' && asked.has(topic) && ref === join
      pass(message)
      if (!channel) return
      if (isAnswer) {
        if (payload.status === 'ok') readAnswer(topic, channel, join, payload.response.history)
      } else if (typeof raw === 'string' && raw.includes('"offset":')) {
        const read = JSON.parse(raw)
        const { epoch, offset } = read[5] ?? read
        if (epoch) note(channel, { epoch, offset })
      }
    })
}
