/**
 * The load of the idle question, a process of its own: connections to which nothing is sent, and what
 * it takes to know that they live.
 */
import { Client, type Role } from '../lib/client'
import { serveOrder, type LoadOrder } from '../lib/load'
import { oneByOne, turnFor } from '../lib/loop'
import { PROTOCOLS } from '../lib/protocols'
import type { BenchCase } from '../lib/question'
import { Reactor } from '../lib/reactor'
import { openWindow, dividePerSecond, type Usage } from '../lib/usage'

export type IdleCase = BenchCase & {
  readonly connections: number
  /** The activity timeout of the hello. */
  readonly activitySeconds: number
  /** They ping by themselves after so long, as pusher-js does; else they answer. */
  readonly isPinging: boolean
}

export type IdleOutcome = Usage & {
  readonly ready: number
  readonly cpuMsPerSecond: number
  readonly saidPerSecond: number
  readonly heardPerSecond: number
  readonly dropped: number
}

const AT_ONCE = 100
const POLL_MS = 5
const PING = '{"event":"pusher:ping","data":{}}'

function idle({ case: row, peer, seconds }: LoadOrder<IdleCase>): IdleOutcome {
  const reactor = new Reactor()
  const crowd = new Crowd()
  oneByOne(reactor, {
    count: row.connections,
    atOnce: AT_ONCE,
    begin: (index) => {
      const client = new Client(index, reactor, PROTOCOLS[peer.protocol].format, crowd)
      crowd.clients.push(client)
      client.connect(peer)
    },
    ready: () => crowd.ready,
  })
  const begun = performance.now()
  let sent = 0
  const pingDue = (): number => {
    const due = ((performance.now() - begun) / 1000 / row.activitySeconds) * row.connections
    for (; row.isPinging && sent < due; sent++) crowd.clients[sent % row.connections]!.send(PING)
    return POLL_MS
  }
  crowd.heard = 0
  const close = openWindow(peer.pid)
  turnFor(reactor, seconds, pingDue)
  const usage = close()
  return {
    ...usage,
    ready: crowd.ready,
    cpuMsPerSecond: dividePerSecond(usage.serverCpuSeconds * 1000, usage.seconds),
    saidPerSecond: dividePerSecond(sent, usage.seconds),
    heardPerSecond: dividePerSecond(crowd.heard, usage.seconds),
    dropped: crowd.dropped,
  }
}

/** Clients that subscribe to nothing and answer pings, native ones and those of the protocol. */
class Crowd implements Role {
  readonly clients: Client[] = []
  ready = 0
  /** Reads with something of the server's. */
  heard = 0
  dropped = 0

  onHello(): void {
    this.ready++
  }

  onRead(): void {
    this.heard++
  }

  onJoined(): void {}
  onMessage(): void {}
  onOther(): void {}

  onEnd(): void {
    this.dropped++
  }
}

await serveOrder(idle)
