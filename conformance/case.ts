/** Cases and groups: what the tables of `groups/` are made of. */
import type { Stage } from './stage'

/** One thing that a server does, tried over the wire. */
export type Case = {
  /** A claim about the server, unique in its group. */
  readonly name: string
  /** Where it is written: a page and section of Pusher's documentation, an SDK, or the RFC. */
  readonly spec: string
  /** Rejects with a Mismatch where the server does otherwise. */
  readonly play: (stage: Stage) => Promise<void>
  /** How many times the usual time it may take, where that is too short. */
  readonly times?: number
}

export type Group = {
  readonly name: string
  readonly about: string
  /** What one has to ask for, where the group is not played by itself. */
  readonly asked?: string
  readonly cases: readonly Case[]
}
