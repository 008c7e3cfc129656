/**
 * What the parent and a worker say to each other, by the channel that the runtime makes between a process and its child.
 * A worker says `built`, waits for `listen`, and says `listening`; `failed` in place of either, and ends.
 */
import type { Environment } from '../config/setting'
import type { Move, Rank } from '../takeover/steering'

export type FromWorker =
  | { readonly type: 'built' }
  | {
      readonly type: 'listening'
      /** Where it listens, as settings: ports that were to be chosen are numbers. */
      readonly addresses: Environment
      /** For a person; see `announcement`. */
      readonly announcement: string
    }
  /** Connections, to another worker. */
  | { readonly type: 'moved' }
  | { readonly type: 'failed'; readonly lines: readonly string[] }

export type Listening = Extract<FromWorker, { type: 'listening' }>

export type FromParent =
  /** `isShared`: others listen on the same ports. */
  | { readonly type: 'listen'; readonly isShared: boolean }
  /** With a rank where the others go on. */
  | { readonly type: 'leave'; readonly rank: Rank | undefined }
  /** Without a move new connections are for all again. */
  | { readonly type: 'place'; readonly move: Move | undefined }
