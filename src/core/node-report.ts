/** NodeReport: what a node says of itself, so that every node, and who operates them, knows of all. */

/** What stays the same while a node runs. */
export type NodeAbout = {
  /** For people; need not be unique. */
  readonly name: string
  /** Its number among the processes of one start; undefined where there is one. */
  readonly worker: number | undefined
  /** Where it listens, as the settings have it. */
  readonly host: string
  /** Of Carillon. */
  readonly version: string
  /** Epoch milliseconds. */
  readonly startedAt: number
}

/** What only a node with others has. */
export type NodeLink = {
  /** The newest messages that it reads, and those that it writes; see `cluster/wire.ts`. */
  readonly reads: number
  readonly writes: number
  /** How long ago it was heard of. */
  readonly seenMs: number
  /** What the last round trip to Redis took, and a message to itself; undefined before the first. */
  readonly lagMs: number | undefined
  readonly busLagMs: number | undefined
  /** How long it has heard nothing of the others, all together. */
  readonly deafMs: number
  /** Channels in which that, or a message that was missing, has left something unknown. */
  readonly deafChannels: number
  /** Messages that were none, or impossible where they stood. */
  readonly refusedMessages: number
  /** Times that it missed a message of a channel, and fetched the channel anew. */
  readonly gaps: number
  /** Times that messages of a channel did not fit behind a snapshot. */
  readonly overflows: number
  /** Facts for webhooks that were dropped, since too many waited in Redis. */
  readonly factsDropped: number
  /** What is not as on this node, and has to be. */
  readonly differences: readonly NodeDifference[]
  /** What its Redis should not be like, one line each. Only a node itself knows. */
  readonly warnings: readonly string[]
}

/** Something that has to be the same on all nodes. */
export type NodeDifference = {
  /** A setting, a plugin or an app, by its name. */
  readonly what: string
  readonly here: string
  readonly there: string
}

/** What a node says of itself at a moment. */
export type OwnReport = NodeAbout & {
  /** Undefined until it listens. */
  readonly port: number | undefined
  /** `/ready` is green there. */
  readonly isReady: boolean
  readonly connections: number
  readonly subscriptions: number
}

export type NodeReport = OwnReport & {
  /** Another one after each start. */
  readonly id: string
  /** It is the one that was asked. */
  readonly isOwn: boolean
  /** What it says is of this moment; else it is what it said last, and nobody knows how it is now. */
  readonly isHeard: boolean
  /** Another one has its name at the same time. */
  readonly hasNamesake: boolean
  /** Undefined where there is one node. */
  readonly link: NodeLink | undefined
}
