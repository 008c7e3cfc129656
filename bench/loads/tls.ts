/**
 * The load of the question about TLS, a process of its own: connections of the runtime's own client, over TLS where
 * the server has a certificate. What does the server use to take them in, to hold them, and to deliver to them?
 */
import { FORMATS } from '../lib/formats'
import { serveOrder, type LoadOrder } from '../lib/load'
import { PROTOCOLS } from '../lib/protocols'
import type { BenchCase } from '../lib/question'
import type { Peer } from '../lib/sides'
import { makePadding } from '../lib/stamp'
import { dividePerSecond, openWindow, readMemoryMib, type Usage } from '../lib/usage'

export type TlsCase = BenchCase & {
  readonly connections: number
  readonly payloadBytes: number
}

export type TlsOutcome = Usage & {
  readonly ready: number
  readonly dropped: number
  readonly handshakeMicros: number
  readonly rssBytesEach: number
  readonly deliveries: number
  readonly lost: number
  readonly deliveriesPerCpuSecond: number
}

const CHANNEL = 'room'
const UNCHECKED = { tls: { rejectUnauthorized: false } }
const JSON_BODY = { 'content-type': 'application/json' }
/** Handshakes under way at once. */
const AT_ONCE = 50
/** For what was collected and compiled meanwhile. */
const REST_MS = 1500
const POLL_MS = 1
const PATIENCE_MS = 20_000
/** Publishes whose deliveries are on their way at once. */
const IN_FLIGHT = 4
const MIB = 1024 * 1024

async function play({ case: row, peer, ...time }: LoadOrder<TlsCase>): Promise<TlsOutcome> {
  const crowd = new Crowd(peer)
  const publish = makePublisher(peer, makePadding(row.payloadBytes))
  await crowd.open(AT_ONCE) // code that runs for the first time is not measured
  await Bun.sleep(REST_MS)
  const before = readMemoryMib(peer.pid, 'VmRSS')
  const closeHandshakes = openWindow(peer.pid)
  await crowd.open(row.connections)
  const handshakes = closeHandshakes()
  await Bun.sleep(REST_MS)
  const grown = readMemoryMib(peer.pid, 'VmRSS') - before
  await crowd.hear(publish, time.warmUpSeconds)
  const close = openWindow(peer.pid)
  const { deliveries, lost } = await crowd.hear(publish, time.seconds)
  const usage = close()
  return {
    ...usage,
    ready: crowd.ready,
    dropped: crowd.dropped,
    handshakeMicros: dividePerSecond(handshakes.serverCpuSeconds * 1e6, row.connections),
    rssBytesEach: (grown * MIB) / row.connections,
    deliveries,
    lost,
    deliveriesPerCpuSecond: dividePerSecond(deliveries, usage.serverCpuSeconds),
  }
}

class Crowd {
  ready = 0
  dropped = 0
  #heard = 0
  readonly #url: string

  constructor({ host, port, app, isTls }: Peer) {
    this.#url = `${isTls ? 'wss' : 'ws'}://${host}:${port}${FORMATS.pusher.path(app)}`
  }

  /** Opens so many more, each subscribed. */
  async open(count: number): Promise<void> {
    const from = this.ready
    for (let index = 0; index < count; index++) {
      await waitUntil(() => from + index - this.ready < AT_ONCE)
      this.#connect()
    }
    await waitUntil(() => this.ready === from + count)
  }

  /** Publishes for so long; over when all have heard all of it. */
  async hear(publish: () => Promise<void>, seconds: number) {
    const end = performance.now() + seconds * 1000
    let published = 0
    const before = this.#heard
    const expected = (): number => published * this.ready
    while (performance.now() < end) {
      await waitUntil(() => expected() - (this.#heard - before) < IN_FLIGHT * this.ready)
      published++
      await publish()
    }
    await waitUntil(() => this.#heard - before >= expected(), false)
    const deliveries = this.#heard - before
    return { deliveries, lost: expected() - deliveries }
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, UNCHECKED as never)
    const { markers, subscribe } = FORMATS.pusher
    socket.onmessage = ({ data }) => {
      const text = String(data)
      if (text.includes(markers.hello)) socket.send(subscribe({ channel: CHANNEL }))
      else if (text.includes(markers.joined)) this.ready++
      else this.#heard++
    }
    socket.onclose = () => this.dropped++
  }
}

function makePublisher(peer: Peer, fill: string): () => Promise<void> {
  const origin = `${peer.isTls ? 'https' : 'http'}://${peer.host}:${peer.port}`
  const { target, body } = PROTOCOLS.pusher.publishing(peer.app)(CHANNEL, fill)
  return async () => {
    const init = { method: 'POST', body, headers: JSON_BODY, ...UNCHECKED }
    const answer = await fetch(origin + target, init)
    if (!answer.ok) throw new Error(`a trigger was answered with ${answer.status}`)
    await answer.text()
  }
}

async function waitUntil(isDone: () => boolean, mustBe = true): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!isDone() && performance.now() < end) await Bun.sleep(POLL_MS)
  if (mustBe && !isDone()) throw new Error('connections were not ready, or did not hear')
}

await serveOrder(play)
