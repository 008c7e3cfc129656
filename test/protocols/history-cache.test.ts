/** A cache channel that has a stream, too, sends its last event once, over sockets. */
import { connectPhoenix, KEY, type PhoenixOptions } from '../phoenix'
import { CHANNEL, MARKER, readPusher, testLasts, trigger, type Wire } from './last-events'

const overSocket: Wire = async (server, asked) => {
  await using client = await server.raw()
  return await readPusher(
    server,
    (frame) => client.send(frame),
    () => client.next(),
    asked,
  )
}

type Named = { readonly event: string; readonly payload: { readonly event?: string } }

const overPhoenix =
  (options: PhoenixOptions): Wire =>
  async (server, asked) => {
    await using socket = await connectPhoenix(server, { ...options, query: KEY })
    const nameOf = ({ event, payload }: Named): string => payload.event ?? event
    const reply = await socket.join(CHANNEL, asked)
    const { history } = reply as { history?: { readonly events: readonly Named[] } }
    const names = history?.events.map(nameOf) ?? []
    await trigger(server, MARKER)
    for (;;) {
      const frame = JSON.parse(await socket.client.next())
      const name = nameOf(Array.isArray(frame) ? { event: frame[3], payload: frame[4] } : frame)
      if (name === MARKER) return names
      names.push(name)
    }
  }

testLasts([
  ['a socket', overSocket],
  ['Phoenix V1', overPhoenix({ version: 1 })],
  ['Phoenix V2', overPhoenix({ version: 2 })],
  ['PushEx', overPhoenix({ mount: '/push_socket' })],
])
