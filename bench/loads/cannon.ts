/**
 * The load of the trigger question, a process of its own: autocannon with a ring of requests that
 * are signed before the first one leaves, so that the load pays for sending alone.
 */
import autocannon from 'autocannon'
import type { EventEmitter } from 'node:events'
import { makeBatchBody, makeEventBody } from '../lib/events'
import { Histogram } from '../lib/histogram'
import { latencyOf, serveOrder, type LoadOrder, type LoadOutcome } from '../lib/load'
import type { Peer } from '../lib/sides'
import { signRead, makeTargetSigner } from '../lib/signing'
import { nowMicros, makePadding, makeStamp } from '../lib/stamp'
import { openWindow, dividePerSecond } from '../lib/usage'
import type { TriggerCase } from '../trigger'

export type TriggerOutcome = LoadOutcome & {
  /** Answers of class 2xx that are no refusal. */
  readonly accepted: number
  /** Other answers, and requests without one. */
  readonly refused: number
  readonly requestsPerSecond: number
  readonly requestsPerCpuSecond: number
  readonly cpuMicrosPerRequest: number
}

/** Different bodies, so that nothing that remembers the last one looks fast. */
const RING = 512
const SAMPLE_MS = 50
/** On top of its time, where nothing was answered in it: without an answer nothing is measured. */
const PATIENCE_SECONDS = 15
/** Some servers refuse with status 200. */
const REFUSED = '"error"'

async function shootAt(order: LoadOrder<TriggerCase>): Promise<TriggerOutcome> {
  const latency = new Histogram()
  const shoot = fireRequests(order, latency)
  if (order.warmUpSeconds > 0) await shoot(order.warmUpSeconds)
  latency.clear()
  const close = openWindow(order.peer.pid)
  const result = await shoot(order.seconds)
  const usage = close()
  const accepted = result['2xx'] - result.mismatches
  return {
    ...usage,
    ...latencyOf(latency),
    accepted,
    refused: result.non2xx + result.mismatches + result.errors + result.timeouts,
    requestsPerSecond: dividePerSecond(accepted, usage.seconds),
    requestsPerCpuSecond: dividePerSecond(accepted, usage.serverCpuSeconds),
    cpuMicrosPerRequest: dividePerSecond(usage.serverCpuSeconds * 1e6, accepted),
  }
}

/**
 * Autocannon's own histogram holds whole milliseconds, and where a server closes after its answer it
 * takes a request that was never answered for the one before: latencies are taken here instead, from
 * the moment at which a connection sent its last request.
 */
function fireRequests({ case: row, peer }: LoadOrder<TriggerCase>, latency: Histogram) {
  const ring = signRing(row, peer)
  const requestedMicros = new Map<autocannon.Client, number>()
  let shots = 0
  return (seconds: number): Promise<autocannon.Result> => {
    const { promise, resolve, reject } = Promise.withResolvers<autocannon.Result>()
    const options: autocannon.Options = {
      url: `http://${peer.host}:${peer.port}`,
      connections: row.connections,
      duration: seconds + PATIENCE_SECONDS,
      sampleInt: SAMPLE_MS, // it ends with a sample
      method: row.channels === 0 ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      setupClient: (client) => onRequest(client, () => requestedMicros.set(client, nowMicros())),
      verifyBody: (body) => !String(body).includes(REFUSED),
      requests: [{ setupRequest: (request) => ({ ...request, ...ring[shots++ % ring.length] }) }],
    }
    const shooting = autocannon(options, (error: unknown, result) =>
      error ? reject(error) : resolve(result),
    )
    let [answered, isOver] = [0, false]
    setTimeout(() => {
      isOver = true
      if (answered > 0) shooting.stop()
    }, seconds * 1000)
    shooting.on('response', (client) => {
      latency.record(nowMicros() - requestedMicros.get(client)!)
      answered++
      if (isOver) shooting.stop()
    })
    return promise
  }
}

/** An event that autocannon's types do not know. */
const onRequest = (client: EventEmitter, listener: () => void): unknown =>
  client.on('request', listener)

type Shot = { readonly path: string; readonly body?: string }

function signRing(
  { path, channels: count, payloadBytes }: TriggerCase,
  peer: Peer,
): readonly Shot[] {
  if (count === 0) return [{ path: signRead(peer.app, path) }]
  const targetOf = makeTargetSigner(peer.app, path)
  const bodyOf = path === '/batch_events' ? makeBatchBody : makeEventBody
  const channels = Array.from({ length: count }, (_, index) => `trigger-${index}`)
  const fill = makePadding(payloadBytes)
  return Array.from({ length: RING }, (_, index) => {
    const body = bodyOf(channels, makeStamp(0, index, 0) + fill)
    return { path: targetOf(body), body }
  })
}

await serveOrder(shootAt)
