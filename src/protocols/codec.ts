/**
 * Codec: one wire protocol. Core's `Encoder` writes frames; the rest here reads a request and its
 * frames. CODECS has them all.
 */
import type { App } from '../core/app'
import type { Connection, RawFrame } from '../core/connection'
import type { Core } from '../core/core'
import type { Refusal } from '../core/errors'
import type { Command, Encoder } from '../core/messages'
import type { Ref } from '../core/types'

/** The app that a URL names, or the reason why its client can't be served. */
export type Handshake = { readonly app: App | undefined; readonly refused: Refusal | undefined }

export const refuseHandshake = (refused: Refusal): Handshake => ({ app: undefined, refused })

export interface Codec extends Encoder {
  /** True where refusals are answered with 403 in place of the upgrade; false where that looks like a dead server, and frames after it carry them. */
  readonly refusesUpgrades: boolean
  /** True for the paths of this protocol, and the version that the query names. */
  serves(path: string, query: URLSearchParams): boolean
  handshake(core: Core, path: string, query: URLSearchParams): Handshake
  /**
   * Matches frames that subscribe, unsubscribe or sign in, as clients write them: a guess, so that one
   * that must wait for a turn waits unread. A frame that it misses is read first, then waits.
   */
  readonly movePattern: RegExp
  /** Never throws. */
  decode(core: Core, conn: Connection, text: string): Command | Refusal
  /** Decodes binary frames; undefined where they are read as text. */
  readonly decodeBytes:
    ((core: Core, conn: Connection, bytes: Uint8Array) => Command | Refusal) | undefined
  /** The ref of a frame that a plugin refuses; undefined where refusals on this wire carry none. */
  readonly refOf: ((core: Core, frame: RawFrame) => Ref | undefined) | undefined
}

export type Client = Connection<Codec>

/** What the reason of a close frame may hold, of UTF-8 (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123

/** The fields of a close frame, the message cut to fit; undefined where `code` is no number. */
export function closeFields(code: number | string | null, message: string) {
  if (typeof code !== 'number') return undefined
  const bytes = Buffer.from(message.slice(0, MAX_REASON_BYTES)).subarray(0, MAX_REASON_BYTES)
  // A decoder that expects more leaves out a character that is not whole.
  return { code, reason: new TextDecoder().decode(bytes, { stream: true }) }
}
