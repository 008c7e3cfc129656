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

type Trouble = { readonly reason: string; readonly remedy: string | undefined }

export class Readiness {
  readonly #troubles = new Map<Part, Trouble>()

  /** True where the reason is new. `remedy` is in place of the one that the part has for all its troubles. */
  fail(part: Part, reason: string, remedy?: string): boolean {
    if (this.reasonOf(part) === reason) return false
    this.#troubles.set(part, { reason, remedy })
    return true
  }

  /** True where there was a reason. */
  recover(part: Part): boolean {
    return this.#troubles.delete(part)
  }

  reasonOf(part: Part): string | undefined {
    return this.#troubles.get(part)?.reason
  }

  /** What to do about this very reason; undefined where there is nothing special. */
  remedyOf(part: Part): string | undefined {
    return this.#troubles.get(part)?.remedy
  }

  /** Those in trouble. */
  parts(): Part[] {
    return [...this.#troubles.keys()]
  }

  /** One line for each part in trouble. */
  all(): string[] {
    return Array.from(this.#troubles, ([part, { reason, remedy }]) =>
      remedy === undefined ? `${part}: ${reason}` : `${part}: ${reason}. ${remedy}`,
    )
  }
}
