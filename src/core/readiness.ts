/**
 * Readiness: why `/ready` is red. A part that is in trouble says so under its name, and takes it back
 * when that is over. Owns the reasons.
 */

/** Who may be in trouble, in the words of `/ready`. */
export type Part =
  /** `webhooks/recorder.ts`: events cannot be written down, or more of them wait than memory may hold. */
  | 'webhooks'
  /** `store/file-watch.ts`: a file of the database is gone, or another program has written to it. */
  | 'database'
  /** `store/writes.ts`: the database does not take what somebody waits for. */
  | 'writes'
  /** `open-files.ts`: no file descriptor is left. */
  | 'files'
  /** `core/fan-out.ts`: a turn has failed. */
  | 'fan-out'

export class Readiness {
  readonly #reasons = new Map<Part, string>()

  /** True where it is news: another reason than before, or the first. */
  fail(part: Part, reason: string): boolean {
    if (this.#reasons.get(part) === reason) return false
    this.#reasons.set(part, reason)
    return true
  }

  /** It is over. True where there was something. */
  recover(part: Part): boolean {
    return this.#reasons.delete(part)
  }

  reasonOf(part: Part): string | undefined {
    return this.#reasons.get(part)
  }

  /** One text for each part in trouble; none where all is well. */
  all(): string[] {
    return Array.from(this.#reasons, ([part, reason]) => `${part}: ${reason}`)
  }
}
