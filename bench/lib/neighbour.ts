/**
 * Neighbour: somebody innocent on the same server, in a thread of its own. Every two milliseconds a
 * ping is due; one that waits behind another counts from the moment at which it was due.
 */
import { Histogram, type Buckets } from './histogram'
import { FORMATS } from './formats'
import type { Peer } from './sides'

export type NeighbourOrder = 'begin' | 'end' | { readonly peer: Peer }
export type NeighbourAnswer = 'ready' | Buckets

const EVERY_MICROS = 2000
const PING = '{"event":"pusher:ping","data":{}}'

declare const self: {
  onmessage: ((message: { readonly data: NeighbourOrder }) => void) | null
  postMessage(answer: NeighbourAnswer): void
}

const nowMicros = (): number => performance.now() * 1000

let waited = new Histogram()
let due = 0
let socket: WebSocket | undefined

function connect({ host, port, app }: Peer): void {
  socket = new WebSocket(`ws://${host}:${port}${FORMATS.pusher.path(app)}`)
  socket.onmessage = ({ data }) => {
    if (String(data).includes(FORMATS.pusher.markers.hello)) self.postMessage('ready')
    else recordAnswer()
    const pause = Math.max(0, due - nowMicros()) / 1000
    setTimeout(() => socket?.send(PING), pause)
  }
}

function recordAnswer(): void {
  const now = nowMicros()
  for (; due <= now; due += EVERY_MICROS) waited.record(now - due)
}

self.onmessage = ({ data: order }) => {
  if (order === 'begin') {
    waited = new Histogram()
    due = nowMicros()
  } else if (order === 'end') {
    self.postMessage(waited.buckets())
  } else connect(order.peer)
}
