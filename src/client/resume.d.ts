/** Types of `carillon/resume`. */

/** What came of a subscribe after a cut. */
export type Recovery = {
  /** All that was missed follows. False: something of it is not kept any more. */
  readonly recovered: boolean
  /** How many events; null where something is not kept any more. */
  readonly missed: number | null
}

export type ResumeOptions = {
  /** Called for each channel that was subscribed to before, ahead of its events. */
  readonly onRecovered?: (channel: string, recovery: Recovery) => void
}

/** Makes the connections of pusher-js, and of Laravel Echo above it, get what they missed. Call it before the first. */
export function resume(Pusher: object, options?: ResumeOptions): void

/** The same for a `Socket` of phoenix.js, before its first join. */
export function resumePhoenix(socket: object, options?: ResumeOptions): void
