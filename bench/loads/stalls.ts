/**
 * The load of the stalls question, a process of its own: a misdeed, several times, and how long the
 * longest turn of the server's event loop was. Counted is the shortest of them: what the collector and
 * the compiler did in one is not in all.
 */
import { meterTurns } from '../lib/meter'
import { Histogram } from '../lib/histogram'
import { latencyOf, serveOrder, type Latency, type LoadOrder } from '../lib/load'
import type { Misdeed } from '../lib/misdeed'
import { findMisdeed } from '../lib/misdeeds'
import type { NeighbourAnswer, NeighbourOrder } from '../lib/neighbour'
import type { BenchCase } from '../lib/question'
import type { Peer } from '../lib/sides'
import { Stage } from '../lib/stage'

/** With the key that a guarded server's tokens are signed with. */
export type StallCase = BenchCase & { readonly privateKey: string }

export type StallsOutcome = Latency & {
  /** CPU of the longest turn, and of all that were busy, of the time in which it was the shortest. */
  readonly turnMs: number
  readonly busyMs: number
  /** How many times it was done. */
  readonly times: number
}

const TIMES = 5
/** How long the effects of a misdeed usually last. */
const REST_MS = 300

async function stalls({ case: row, peer }: LoadOrder<StallCase>): Promise<StallsOutcome> {
  const misdeed = findMisdeed(row.label)
  const stage = new Stage(peer, row.privateKey)
  using neighbour = await Neighbour.beside(peer)
  await misdeed.prepare?.(stage)
  const { times = TIMES } = misdeed
  const waited = new Histogram()
  let [turnMs, busyMs] = [Infinity, 0]
  for (let time = 0; time < times; time++) {
    const { longest, busy } = await once(misdeed, { stage, neighbour, waited })
    if (longest < turnMs) [turnMs, busyMs] = [longest, busy]
  }
  return { turnMs, busyMs, times, ...latencyOf(waited) }
}

type Scene = {
  readonly stage: Stage
  readonly neighbour: Neighbour
  readonly waited: Histogram
}

async function once(misdeed: Misdeed, { stage, neighbour, waited }: Scene) {
  await misdeed.before?.(stage)
  await Bun.sleep(REST_MS)
  await meterTurns(stage.peer)
  neighbour.begin()
  await misdeed.commit(stage)
  await Bun.sleep(misdeed.restMs ?? REST_MS)
  waited.merge(await neighbour.end())
  return await meterTurns(stage.peer)
}

/** Who pings meanwhile. */
class Neighbour {
  readonly #worker = new Worker(new URL('../lib/neighbour.ts', import.meta.url))

  static async beside(peer: Peer): Promise<Neighbour> {
    const neighbour = new Neighbour()
    neighbour.#order({ peer })
    await neighbour.#answer()
    return neighbour
  }

  begin(): void {
    this.#order('begin')
  }

  async end() {
    this.#order('end')
    const nextAnswer = await this.#answer()
    if (nextAnswer === 'ready') throw new Error('the neighbour had to connect anew')
    return nextAnswer
  }

  #order(order: NeighbourOrder): void {
    this.#worker.postMessage(order)
  }

  #answer(): Promise<NeighbourAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<NeighbourAnswer>()
    this.#worker.onmessage = ({ data }) => resolve(data as NeighbourAnswer)
    this.#worker.onerror = ({ message }) => reject(new Error(`the neighbour failed: ${message}`))
    return promise
  }

  [Symbol.dispose](): void {
    this.#worker.terminate()
  }
}

await serveOrder(stalls)
