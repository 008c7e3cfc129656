/** CODECS: every wire protocol that the port serves, by path. */
import type { Codec } from '../protocols/codec'
import { isAt, phoenixCodecs } from '../protocols/phoenix'
import { pusher } from '../protocols/pusher'
import { DIALECTS } from './dialects'

const MOUNTS = DIALECTS.map(({ mount }) => ({ mount, codecs: phoenixCodecs(mount) }))

export const PHOENIX: readonly Codec[] = MOUNTS.flatMap(({ codecs }) => codecs)

export const CODECS: readonly Codec[] = [pusher, ...PHOENIX]

/** The first codec answers upgrades on unknown paths: clients would retry a refused upgrade for ever. */
export function codecFor(path: string, query: URLSearchParams): Codec {
  return CODECS.find((codec) => codec.serves(path, query)) ?? CODECS[0]!
}

/** True for the path of a Phoenix socket. */
export const isPhoenixPath = (path: string): boolean =>
  MOUNTS.some(({ mount }) => isAt(mount.path, path))

/** The mount that has a long-poll. */
const POLLED_MOUNT = MOUNTS.find(({ mount }) => mount.longPoll !== undefined)!

export const POLLED_PATH = POLLED_MOUNT.mount.longPoll!

export const isPolledPath = (path: string): boolean => isAt(POLLED_PATH, path)

/** The codec of long-poll: the newest version. */
export const POLLED: Codec = POLLED_MOUNT.codecs[0]!

/** True for a query that names the version of `POLLED`; its handshake refuses others. */
export const isPolled = (query: URLSearchParams): boolean =>
  POLLED.serves(POLLED_MOUNT.mount.path, query)
