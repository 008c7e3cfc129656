/**
 * Codec: one wire protocol. Core's `Encoder` turns words into frames; the rest here turns a request
 * and its frames into words. CODECS has them all.
 */
import type { App } from '../core/app'
import type { Connection } from '../core/connection'
import type { Core } from '../core/core'
import type { Refusal } from '../core/errors'
import type { Command, Encoder } from '../core/messages'
import type { Ref } from '../core/types'

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

/** A connection that speaks one. */
export type Client = Connection<Codec>

/** What the reason of a close may hold, of UTF-8. */
export const REASON_BYTES = 123

/** The text, or so much of it as fits; no character is cut in two. */
export function cut(text: string, bytes: number): string {
  const whole = Buffer.from(text.slice(0, bytes))
  // A decoder that expects more leaves a character out that is not whole.
  return new TextDecoder().decode(whole.subarray(0, bytes), { stream: true })
}
