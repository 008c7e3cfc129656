/**
 * MISDEEDS: all misdeeds of the stalls question, by their labels.
 */
import { CROWDS } from '../misdeeds/crowds'
import { FRAMES } from '../misdeeds/frames'
import { REPLAYS } from '../misdeeds/replays'
import { REQUESTS } from '../misdeeds/requests'
import { WATCHED } from '../misdeeds/watched'
import { WEBHOOKS } from '../misdeeds/webhooks'
import type { Misdeed } from './misdeed'

export const MISDEEDS: readonly Misdeed[] = [
  ...FRAMES,
  ...REPLAYS,
  ...REQUESTS,
  ...CROWDS,
  ...WATCHED,
  ...WEBHOOKS,
]

/** Finds a misdeed. @throws Error for a label that none has */
export function findMisdeed(label: string): Misdeed {
  const misdeed = MISDEEDS.find((each) => each.label === label)
  if (!misdeed) throw new Error(`there is no misdeed ${label}`)
  return misdeed
}
