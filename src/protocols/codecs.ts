/** CODECS: every wire protocol that the port serves, and which of them a path is for. */
import type { Codec } from './codec'
import { PHOENIX } from './phoenix'
import { pusher } from './pusher'

export const CODECS: readonly Codec[] = [pusher, ...PHOENIX]

/** An upgrade on a path of nobody's is answered by the first codec: a refused upgrade would be retried for ever. */
export function codecFor(path: string, query: URLSearchParams): Codec {
  return CODECS.find((codec) => codec.serves(path, query)) ?? CODECS[0]!
}
