/** A server whose turns have no time, for whoever is put off. */
import { SLICE_MS } from '../../src/core/slices'
import { start, type StartOptions } from '../harness'

/** A server whose turns take in so many from the moment that `slow` is called. */
export async function rationed(options: StartOptions = {}) {
  let [ms, stepMs] = [0, 0]
  const server = await start({ ...options, meter: () => (ms += stepMs) })
  return {
    server,
    slow: (perTurn = 3) => void (stepMs = SLICE_MS / perTurn),
    fast: () => void (stepMs = 0),
    /** All that this turn has is spent. */
    spend: () => {
      const { slices } = server.core
      const began = slices.meter()
      ms += SLICE_MS
      slices.spend(began)
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
