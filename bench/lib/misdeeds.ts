/**
 * MISDEEDS: by their labels, all that the stalls question asks.
 */
import { CROWDS } from '../misdeeds/crowds'
import { FRAMES } from '../misdeeds/frames'
import { REQUESTS } from '../misdeeds/requests'
import { WEBHOOKS } from '../misdeeds/webhooks'
import type { Misdeed } from './misdeed'

export const MISDEEDS: readonly Misdeed[] = [...FRAMES, ...REQUESTS, ...CROWDS, ...WEBHOOKS]

/** @throws Error for a label that nothing has */
export function findMisdeed(label: string): Misdeed {
  const misdeed = MISDEEDS.find((each) => each.label === label)
  if (!misdeed) throw new Error(`there is no misdeed ${label}`)
  return misdeed
}
