/** CODECS: every wire protocol that the port serves, and which of them a path is for. */
import type { Codec } from '../protocols/codec'
import { isLongPollPath, isMountPath, phoenixCodecs } from '../protocols/phoenix'
import { pusher } from '../protocols/pusher'
import { DIALECTS } from './dialects'

const MOUNTS = DIALECTS.map(({ mount }) => ({ mount, codecs: phoenixCodecs(mount) }))

export const PHOENIX: readonly Codec[] = MOUNTS.flatMap(({ codecs }) => codecs)

export const CODECS: readonly Codec[] = [pusher, ...PHOENIX]

/** An upgrade on a path of nobody's is answered by the first codec: a refused upgrade would be retried for ever. */
export function codecFor(path: string, query: URLSearchParams): Codec {
  return CODECS.find((codec) => codec.serves(path, query)) ?? CODECS[0]!
}

/** True for the path of a Phoenix socket, whatever the request on it is. */
export const isPhoenixPath = (path: string): boolean =>
  MOUNTS.some(({ mount }) => isMountPath(mount, path))

/** The mount that has a long-poll. */
const POLLED_MOUNT = MOUNTS.find(({ mount }) => mount.longPoll !== undefined)!

export const isPolledPath = (path: string): boolean => isLongPollPath(POLLED_MOUNT.mount, path)

/** What its clients speak: the newest version. */
export const POLLED: Codec = POLLED_MOUNT.codecs[0]!

/** Whether a query asks for what `POLLED` speaks; a version that there is not, its handshake refuses. */
export const isPolled = (query: URLSearchParams): boolean =>
  POLLED.serves(POLLED_MOUNT.mount.path, query)
