/**
 * The load of everything that is fanned out, a process of its own: crowds of raw sockets, and
 * publishers that keep their pace. Joins everybody, warms up, measures, lets what is outstanding
 * arrive, and checks every message of the whole run.
 */
import { Crowd, type CrowdRow } from '../lib/crowd'
import { latencyOf, makeProgress, serveOrder, type Latency, type LoadOrder } from '../lib/load'
import { turnFor, turnForSome, turnUntil } from '../lib/loop'
import type { BenchCase } from '../lib/question'
import { Reactor } from '../lib/reactor'
import { openWindow, dividePerSecond, type Usage } from '../lib/usage'

export type SwarmCase = BenchCase & { readonly crowds: readonly CrowdRow[] }

type Throughput = Usage & {
  readonly deliveries: number
  readonly deliveriesPerSecond: number
  readonly deliveriesPerCpuSecond: number
  readonly publishes: number
  readonly publishesPerSecond: number
  readonly publishesPerCpuSecond: number
}

export type SwarmOutcome = Throughput &
  Latency & {
    /** Messages that were due at a fixed rate and never left: the server took no more. */
    readonly unsent: number
    readonly lost: number
    readonly reordered: number
  }

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

function swarm(order: LoadOrder<SwarmCase>): SwarmOutcome {
  const reactor = new Reactor()
  const crowds = order.case.crowds.map((row) => new Crowd(row, reactor, order.peer))
  for (const crowd of crowds) crowd.join()
  for (const crowd of crowds) crowd.start()
  const turn = (): number => Math.min(...crowds.map((crowd) => crowd.tick()))
  turnFor(reactor, order.warmUpSeconds, turn)
  const { tally } = crowds.find(({ row }) => row.isProbe) ?? crowds[0]!
  tally.latency.clear()
  const measured = measure(order, { reactor, crowds, turn })
  const unsent = sum(crowds.map((crowd) => crowd.stop()))
  const countOutstanding = (): number => sum(crowds.map((crowd) => crowd.outstanding))
  turnUntil(reactor, () => countOutstanding() <= 0, countOutstanding)
  return {
    ...measured,
    ...latencyOf(tally.latency), // also of what was still under way when time was up
    unsent,
    lost: Math.max(0, countOutstanding()),
    reordered: sum(crowds.map(({ tally }) => tally.reordered)),
  }
}

type Scene = {
  readonly reactor: Reactor
  readonly crowds: readonly Crowd[]
  readonly turn: () => number
}

/** What arrives between two instants. */
function measure(
  { peer, seconds, isWatched: watched }: LoadOrder<SwarmCase>,
  { reactor, crowds, turn }: Scene,
): Throughput {
  const countReceived = (): number => sum(crowds.map((crowd) => crowd.tally.received))
  const countPublished = (): number => sum(crowds.map((crowd) => crowd.published))
  const reportProgress = makeProgress(watched, countReceived)
  const before = { received: countReceived(), published: countPublished() }
  const close = openWindow(peer.pid, peer.others)
  const reportAndTurn = (): number => {
    reportProgress()
    return turn()
  }
  turnForSome(reactor, seconds, reportAndTurn, countReceived)
  const usage = close()
  const deliveries = countReceived() - before.received
  const publishes = countPublished() - before.published
  return {
    ...usage,
    deliveries,
    deliveriesPerSecond: dividePerSecond(deliveries, usage.seconds),
    deliveriesPerCpuSecond: dividePerSecond(deliveries, usage.serverCpuSeconds),
    publishes,
    publishesPerSecond: dividePerSecond(publishes, usage.seconds),
    publishesPerCpuSecond: dividePerSecond(publishes, usage.serverCpuSeconds),
  }
}

await serveOrder(swarm)
