/**
 * Codec: one wire protocol. Core's `Encoder` turns words into frames; the rest here turns a request
 * and its frames into words. CODECS is the table that `server.ts` matches paths against.
 */
import type { App } from '../core/apps'
import type { Connection } from '../core/connection'
import type { Core } from '../core/core'
import type { Refusal } from '../core/errors'
import type { Command, Encoder, Ref } from '../core/types'
import { PHOENIX } from './phoenix'
import { pusher } from './pusher'

/** What a client said of itself in the URL: its app, or why it can't be served. */
export type Handshake = { readonly app: App | undefined; readonly refused: Refusal | undefined }

export interface Codec extends Encoder {
  /** True where refusals are answered with 403 in place of the upgrade, false where they are told after it. */
  readonly refusesUpgrades: boolean
  /** True for the paths of this protocol, and the version that the query asks for. */
  serves(path: string, query: URLSearchParams): boolean
  handshake(core: Core, path: string, query: URLSearchParams): Handshake
  /**
   * Matches texts that subscribe, unsubscribe or sign in, as clients write them: a guess, so that one
   * that must wait for a turn waits unread. What it misses waits once it was read.
   */
  readonly moves: RegExp
  /** Never throws, whatever the text is. */
  decode(core: Core, conn: Connection, text: string): Command | Refusal
  /** The same for binary frames; undefined where they are text as well. */
  readonly decodeBytes:
    ((core: Core, conn: Connection, bytes: Uint8Array) => Command | Refusal) | undefined
  /** What a frame that a plugin refuses wants to be answered by; undefined where the wire tells refusals without. */
  readonly refOf: ((core: Core, frame: string | Uint8Array) => Ref | undefined) | undefined
}

export const CODECS: readonly Codec[] = [pusher, ...PHOENIX]

/** An upgrade on a path of nobody's is answered by the first codec: a refused upgrade would be retried for ever. */
export function codecFor(path: string, query: URLSearchParams): Codec {
  return CODECS.find((codec) => codec.serves(path, query)) ?? CODECS[0]!
}
