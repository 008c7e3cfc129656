/** A server with very little time in its turns, for tests of what is put off. */
import { SLICE_MS } from '../../src/core/slices'
import { start, type StartOptions } from '../harness'

/** Starts a server that does so many steps per turn from the moment that `slow` is called. */
export async function startRationed(options: StartOptions = {}) {
  let [ms, stepMs] = [0, 0]
  const server = await start({ ...options, meter: () => (ms += stepMs) })
  return {
    server,
    slow: (perTurn = 3) => void (stepMs = SLICE_MS / perTurn),
    fast: () => void (stepMs = 0),
    /** Spends all the time of this turn. */
    spend: () => {
      const { slices } = server.core
      const began = slices.meter()
      ms += SLICE_MS
      slices.spend(began)
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
