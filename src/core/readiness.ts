/**
 * Readiness: why `/ready` is red. A part in trouble sets a reason under its name, and removes it when the
 * trouble is over. Owns the reasons.
 */

/** Parts that may be in trouble, by their names in `/ready`. */
export type Part =
  /** `webhooks/recorder.ts`: events cannot be written down, or more of them wait than memory may hold. */
  | 'webhooks'
  /** `store/file-watch.ts`: a file of the database is gone, or another program has written to it. */
  | 'database'
  /** `store/writes.ts`: the database does not accept writes. */
  | 'writes'
  /** `open-files.ts`: no file descriptor is left. */
  | 'files'
  /** `core/fan-out.ts`: a turn has failed. */
  | 'fan-out'
  /** `cluster/link/link.ts`: there is no connection to Redis, or none on which other servers are heard. */
  | 'redis'

export class Readiness {
  readonly #reasons = new Map<Part, string>()

  /** True where the reason is new. */
  fail(part: Part, reason: string): boolean {
    if (this.#reasons.get(part) === reason) return false
    this.#reasons.set(part, reason)
    return true
  }

  /** True where there was a reason. */
  recover(part: Part): boolean {
    return this.#reasons.delete(part)
  }

  reasonOf(part: Part): string | undefined {
    return this.#reasons.get(part)
  }

  /** Those in trouble. */
  parts(): Part[] {
    return [...this.#reasons.keys()]
  }

  /** One line for each part in trouble. */
  all(): string[] {
    return Array.from(this.#reasons, ([part, reason]) => `${part}: ${reason}`)
  }
}
