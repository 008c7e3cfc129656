/**
 * Resume: what a client missed while its connection was cut, for stock pusher-js, Laravel Echo and phoenix.js.
 * It asks for the position of each event, remembers the last one of each channel, and says it when the client
 * subscribes again. Where the server keeps no events, nothing changes.
 */

/** Tells of a client library that gives no way in. */
const refuse = (library) => console.warn(`carillon/resume: this ${library} cannot be extended`)

/** Remembers a position, unless a later one of the same stream is known. */
function note(memory, channel, position) {
  const known = memory.get(channel)
  if (known?.epoch !== position.epoch || position.offset > known.offset)
    memory.set(channel, position)
}

/** Calls the page's `onRecovered` where the client has said what it had. */
function report(onRecovered, channel, since, { recovered = false, missed = null } = {}) {
  if (since) onRecovered?.(channel, { recovered, missed })
}

/** One line for pusher-js and Laravel Echo: `resume(Pusher)`, before the first connection. */
export function resume(Pusher, { onRecovered } = {}) {
  const runtime = Pusher.Runtime
  if (!runtime?.createWebSocket || !Pusher.instances) return refuse('pusher-js')
  /** The positions of each instance. */
  const memories = new WeakMap()

  function wrap(socket) {
    let id
    let memory
    /** What the subscribes under way have said. */
    const asked = new Map()
    /** What was missed and follows now: its channel, how many events are left, where it ends, whom they excluded. */
    let replay

    const readAnswer = (channel, history) => {
      const since = asked.get(channel)
      asked.delete(channel)
      if (!memory) return
      if (history?.epoch) {
        const { epoch, offset, missed } = history
        const end = { epoch, offset, socket_id: id }
        if (missed) replay = { channel, left: missed, end, formerId: since.socket_id }
        else memory.set(channel, end)
      } else memory.delete(channel)
      report(onRecovered, channel, since, history)
    }

    const hear = (raw) => {
      if (!/"offset":|connection_established|subscription_succeeded/.test(raw)) return
      const { event, channel, data, epoch, offset, history } = JSON.parse(raw)
      if (event === 'pusher:connection_established') id = /\d+\.\d+/.exec(JSON.stringify(data))[0]
      else if (event === 'pusher_internal:subscription_succeeded') readAnswer(channel, history)
      else if (!epoch || !memory) return
      else if (!replay) note(memory, channel, { epoch, offset, socket_id: id })
      else if (--replay.left) memory.set(channel, { epoch, offset, socket_id: replay.formerId })
      else {
        memory.set(channel, replay.end)
        replay = undefined
      }
    }

    const say = (raw) => {
      if (!/"pusher:(un)?subscribe"/.test(raw)) return raw
      const { event, data } = JSON.parse(raw)
      const pusher = Pusher.instances.find(({ connection }) => connection.socket_id === id)
      if (!memory && pusher) {
        memory = memories.get(pusher) ?? new Map()
        memories.set(pusher, memory)
      }
      const { channel } = data
      if (event === 'pusher:unsubscribe') memory?.delete(channel)
      if (event !== 'pusher:subscribe') return raw
      const since = memory?.get(channel)
      asked.set(channel, since)
      return JSON.stringify({ event, data: { ...data, positions: true, since } })
    }

    const { send } = socket
    socket.send = (raw, ...rest) => send.call(socket, say(raw), ...rest)
    const native = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(socket), 'onmessage')
    let listener
    Object.defineProperty(socket, 'onmessage', {
      get: () => listener,
      set(listen) {
        listener =
          listen &&
          ((message) => {
            hear(message.data)
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
  const memory = new Map()
  const asked = new Map()

  socket.push = (message) => {
    const { topic, event, payload } = message
    if (event === 'phx_leave') memory.delete(topic)
    if (event !== 'phx_join') return push.call(socket, message)
    const since = memory.get(topic)
    asked.set(topic, since)
    push.call(socket, { ...message, payload: { ...payload, positions: true, since } })
  }

  const readAnswer = (topic, join, history) => {
    const since = asked.get(topic)
    asked.delete(topic)
    report(onRecovered, topic, since, history)
    if (!history?.epoch) return memory.delete(topic)
    const { epoch, offset, events } = history
    memory.set(topic, { epoch, offset })
    for (const channel of socket.channels)
      if (channel.topic === topic && channel.joinRef() === join)
        for (const { event, payload } of events) channel.trigger(event, payload, null, join)
  }

  socket.decode = (raw, pass) =>
    decode.call(socket, raw, (message) => {
      const { topic, event, payload, ref } = message
      const isAnswer = event === 'phx_reply' && asked.has(topic)
      const channel = isAnswer && socket.channels.find((each) => each.topic === topic)
      const join = channel && channel.joinRef()
      pass(message)
      if (isAnswer && ref === join) {
        if (payload.status === 'ok') readAnswer(topic, join, payload.response.history)
      } else if (typeof raw === 'string' && raw.includes('"offset":')) {
        const read = JSON.parse(raw)
        const { epoch, offset } = read[5] ?? read
        if (epoch) note(memory, topic, { epoch, offset })
      }
    })
}
