/**
 * The load of the fan-out, a process of its own: raw sockets that subscribe, and publishers that keep
 * their messages in flight. Joins everybody, warms up, measures, lets what is outstanding arrive.
 */
import type { FanoutCase, FanoutOutcome } from '../fanout'
import { Flight } from './flight'
import { readOrder, report, type LoadOrder } from './load'
import { Publisher } from './publisher'
import { targetsOf } from './signing'
import { Subscriber, type Audience } from './subscriber'
import { Tally } from './tally'
import { openWindow, per } from './usage'

/** Connections that are opened together: well below the listen backlog. */
const WAVE = 100
/** With no delivery for this long, what is missing is lost. */
const PATIENCE_MS = 3000
const POLL_MS = 5

const order = readOrder<FanoutCase>()
const audience = gather(order)
const { tally, flight } = audience
const { publishers } = flight
await Promise.all(publishers.map((publisher) => publisher.connect()))
await joinAll(order.case.subscribers)
for (const publisher of publishers) publisher.publish()
await Bun.sleep(order.warmUpSeconds * 1000)
const measured = await measure()
await settle()
report<FanoutOutcome>({ ...measured, lost: tally.lost(published()), reordered: tally.reordered })

function gather({ case: row, port, side }: LoadOrder<FanoutCase>): Audience {
  const { subscribers, payloadBytes, inFlight } = row
  const flight = new Flight(subscribers, inFlight)
  const options = { port, flight, payloadBytes, targetOf: targetsOf(side), fail }
  flight.publishers = Array.from(
    { length: row.publishers },
    (_, index) => new Publisher(index, options),
  )
  return { port, tally: new Tally(subscribers, row.publishers), flight, fail, stampOffset: 0 }
}

async function joinAll(count: number): Promise<void> {
  for (let first = 0; first < count; first += WAVE) {
    const wave = Array.from({ length: Math.min(WAVE, count - first) }, (_, index) =>
      new Subscriber(first + index, audience).join(),
    )
    await Promise.all(wave)
  }
}

/** What arrives between two instants. */
async function measure(): Promise<Omit<FanoutOutcome, 'lost' | 'reordered'>> {
  const { latency } = tally
  latency.clear()
  const close = openWindow(order.serverPid)
  await Bun.sleep(order.seconds * 1000)
  const usage = close()
  const deliveries = latency.total
  return {
    ...usage,
    deliveries,
    deliveriesPerCpuSecond: per(deliveries, usage.serverCpuSeconds),
    deliveriesPerSecond: per(deliveries, usage.seconds),
    p50Ms: latency.quantileMs(0.5),
    p99Ms: latency.quantileMs(0.99),
    maxMs: latency.maxMs,
  }
}

/** Waits until nothing is outstanding, or nothing comes any more. */
async function settle(): Promise<void> {
  for (const publisher of publishers) publisher.stop()
  let [seen, quietMs] = [tally.received, 0]
  while (quietMs < PATIENCE_MS && flight.outstanding > 0) {
    await Bun.sleep(POLL_MS)
    quietMs = seen === tally.received ? quietMs + POLL_MS : 0
    seen = tally.received
  }
}

function published(): number {
  return publishers.reduce((sum, publisher) => sum + publisher.published, 0)
}

function fail(cause: unknown): void {
  process.stderr.write(`bench: ${cause instanceof Error ? cause.message : String(cause)}\n`)
  process.exit(1)
}
