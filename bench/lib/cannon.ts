/**
 * The load of the trigger question, a process of its own: autocannon with a ring of requests that
 * are signed before the first one leaves, so that the load pays for sending alone.
 */
import autocannon from 'autocannon'
import type { TriggerCase, TriggerOutcome } from '../trigger'
import { eventBody, HOST } from './app'
import { Histogram } from './histogram'
import { readOrder, report } from './load'
import { signedRead, signedTargets } from './signing'
import { padding, stamp } from './stamp'
import { openWindow, per } from './usage'

/** Different bodies, so that nothing that remembers the last one looks fast. */
const RING = 512

const order = readOrder<TriggerCase>()
const ring = signedRing()
const latency = new Histogram()
let shots = 0
if (order.warmUpSeconds > 0) await shoot(order.warmUpSeconds)
latency.clear()
const close = openWindow(order.serverPid)
const result = await shoot(order.seconds)
const usage = close()
const accepted = result['2xx']

report<TriggerOutcome>({
  ...usage,
  accepted,
  refused: result.non2xx + result.errors + result.timeouts,
  requestsPerSecond: per(accepted, usage.seconds),
  requestsPerCpuSecond: per(accepted, usage.serverCpuSeconds),
  cpuMicrosPerRequest: per(usage.serverCpuSeconds * 1e6, accepted),
  p50Ms: latency.quantileMs(0.5),
  p99Ms: latency.quantileMs(0.99),
  maxMs: latency.maxMs,
})

/** Autocannon's own histogram holds whole milliseconds: latencies are taken one by one instead. */
function shoot(seconds: number): Promise<autocannon.Result> {
  const { promise, resolve, reject } = Promise.withResolvers<autocannon.Result>()
  const options: autocannon.Options = {
    url: `http://${HOST}:${order.port}`,
    connections: order.case.connections,
    duration: seconds,
    method: order.case.read === undefined ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json' },
    requests: [{ setupRequest: (request) => ({ ...request, ...nextShot() }) }],
  }
  const shooting = autocannon(options, (error: unknown, result) =>
    error ? reject(error) : resolve(result),
  )
  shooting.on('response', (_client, _status, _bytes, ms) => latency.record(Math.round(ms * 1000)))
  return promise
}

type Shot = { readonly path: string; readonly body?: string }

function signedRing(): readonly Shot[] {
  const { read } = order.case
  if (read !== undefined) return [{ path: signedRead(read) }]
  const targetOf = signedTargets()
  const channels = Array.from({ length: order.case.channels }, (_, index) => `trigger-${index}`)
  const fill = padding(order.case.payloadBytes)
  return Array.from({ length: RING }, (_, index) => {
    const body = eventBody(channels, stamp(0, index, 0) + fill)
    return { path: targetOf(body), body }
  })
}

function nextShot(): Shot {
  return ring[shots++ % ring.length]!
}
