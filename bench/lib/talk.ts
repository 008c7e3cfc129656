/**
 * Talk: two clients on a private channel. One sends `client-0`, `client-1`, ...; what the other received
 * has happened, so that webhooks must report it.
 */
import { FORMATS } from './formats'
import { findSocketId } from './client'
import { makeAuthorizer } from './signing'
import type { Peer } from './sides'

/** What clients saw: the highest number that was heard on each channel. */
export type Heard = Map<string, number>

/** Talks until the server is gone. Resolves when both sockets have closed. */
export async function talk(peer: Peer, channel: string, heard: Heard): Promise<void> {
  const publish = (number: number): void =>
    speaker.send(JSON.stringify({ event: `client-${number}`, channel, data: '{}' }))
  const begin = (): void => {
    heard.set(channel, -1) // somebody is there, and has said nothing yet
    if (speaker.readyState === WebSocket.OPEN) publish(0)
  }
  const [listener, listens] = enter(peer, channel, (event) => {
    const number = Number(event.slice('client-'.length))
    heard.set(channel, number)
    publish(number + 1)
  })
  const [speaker, speaks] = enter(peer, channel, () => {})
  const gone = Promise.all([waitForClose(listener), waitForClose(speaker)])
  await Promise.race([gone, Promise.all([listens, speaks]).then(() => begin())])
  await gone
}

const waitForClose = (socket: WebSocket): Promise<void> =>
  new Promise((done) => {
    socket.onclose = () => done()
  })

type Frame = { readonly event: string }

/** A client that is in the channel once the promise resolves. */
function enter(
  { host, port, app }: Peer,
  channel: string,
  onEvent: (event: string) => void,
): readonly [WebSocket, Promise<void>] {
  const socket = new WebSocket(`ws://${host}:${port}${FORMATS.pusher.path(app)}`)
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.onmessage = ({ data }) => {
    const text = String(data)
    const { event } = JSON.parse(text) as Frame
    if (event.startsWith('client-')) return onEvent(event)
    if (event === 'pusher:connection_established') {
      const auth = makeAuthorizer(app)(findSocketId(text), channel)
      socket.send(FORMATS.pusher.subscribe({ channel, auth }))
    } else if (event === 'pusher_internal:subscription_succeeded') resolve()
    else throw new Error(`a talker on ${channel} received ${text}`)
  }
  return [socket, promise]
}
