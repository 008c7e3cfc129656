/** ConnectionView: what operators are told of a connection, on whichever node it is. */
/** What a list of them has. */
export type ConnectionSummary = {
  readonly socketId: string
  /** Epoch milliseconds. */
  readonly since: number
  readonly address: string
  readonly transport: 'websocket' | 'http'
  readonly protocol: string
  readonly client: string | null
  readonly clientVersion: string | null
  readonly userAgent: string | null
  readonly userId: string | null
  readonly channelCount: number
  readonly waitingBytes: number
  /** The name of the node that has it. */
  readonly node: string
}

export type ConnectionView = ConnectionSummary & {
  /** As it was signed, in JSON. */
  readonly userInfo: string | null
  /** The first thousand, the oldest first; `channelCount` tells of more. */
  readonly channels: readonly { readonly name: string; readonly userId: string | null }[]
}
