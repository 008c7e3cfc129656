/** What a process finishes before it gives its place to another one: webhooks, and requests under way. */
import type { Core } from '../core/core'
import type { Entrance } from '../entrance'
import type { Addresses } from '../http/address'

/** How long webhooks, and then requests, may take to end. */
const GRACE_MS = 5000
/** How long requests may take that came before the new process had asked. */
const EARLIER_MS = 2000
const LOOK_MS = 2

export type WorkParts = {
  readonly core: Core
  readonly entrance: Entrance
  readonly addresses: Pick<Addresses, 'pending'>
  readonly estate: {
    /** Begins no other webhook request; resolves when those under way have ended. */
    finishWork(): Promise<unknown>
  }
}

/** The process that waits for it. */
export type Waiting = {
  readonly isGone: boolean
  readonly gone: { readonly promise: Promise<void> }
}

/**
 * Has new requests wait, once all that came before is done; `onShut` is called when they begin to. The reason where it
 * takes too long.
 */
export async function finishWork(
  parts: WorkParts,
  waiting: Waiting,
  onShut: () => void,
): Promise<string | undefined> {
  const { core, entrance, estate } = parts
  const { clock, uploads } = core
  entrance.count()
  await Promise.race([estate.finishWork(), waiting.gone.promise, wait(core, GRACE_MS)])
  await finishEarlier(parts, waiting)
  entrance.shut()
  onShut()
  const end = clock.mono() + GRACE_MS
  while (entrance.underWay + uploads.ofRequests > 0 && !waiting.isGone && clock.mono() < end)
    await wait(core, LOOK_MS)
  const left = Math.max(entrance.underWay, uploads.ofRequests)
  return left > 0 ? `requests that are under way take too long (${left})` : undefined
}

/**
 * Waits for requests from before they were counted, and answers others meanwhile. The runtime counts them, but also
 * those that wait by design, the polls and streams of sessions: for those it is a delay.
 */
async function finishEarlier({ core, entrance, addresses }: WorkParts, waiting: Waiting) {
  const end = core.clock.mono() + EARLIER_MS
  while (addresses.pending > entrance.underWay && !waiting.isGone && core.clock.mono() < end)
    await wait(core, LOOK_MS)
}

export const wait = ({ clock }: Core, ms: number): Promise<undefined> =>
  new Promise((resolve) => clock.after(ms, () => resolve(undefined)))
