/**
 * The talk between the bench and a load process: the case comes as JSON in the first argument, the
 * outcome goes back as JSON on the standard output.
 */
import type { Side } from './app'
import type { Usage } from './usage'

export type LoadOrder<Case> = {
  readonly case: Case
  readonly side: Side
  readonly port: number
  readonly serverPid: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** What every load process reports. */
export type LoadOutcome = Usage & {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export function readOrder<Case>(): LoadOrder<Case> {
  return JSON.parse(process.argv[2] ?? '{}') as LoadOrder<Case>
}

/** Reports and ends the process: sockets that are still open need no goodbye. */
export function report<Outcome extends LoadOutcome>(outcome: Outcome): never {
  process.stdout.write(JSON.stringify(outcome))
  process.exit(0)
}
