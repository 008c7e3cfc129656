/**
 * Uploads: bodies that are on their way to us. Who sends nothing for ten seconds, or less than 8 KB a
 * second in the long run, is given up by the next sweep: a body that never comes would be waited for as
 * long as its sender likes.
 */
import type { Clock } from './types'

const PATIENCE_MS = 10_000
const LEAST_BYTES_PER_SECOND = 8192

/** What comes in one piece within the time, or too slowly. */
export const SMALL_BYTES = (LEAST_BYTES_PER_SECOND * PATIENCE_MS) / 1000

export type Upload = {
  /** When it began; of the clock's `mono`, like `at`. */
  readonly since: number
  /** When something last came. */
  at: number
  bytes: number
  readonly giveUp: () => void
}

export class Uploads {
  readonly #underWay = new Set<Upload>()

  constructor(readonly clock: Pick<Clock, 'mono'>) {}

  get count(): number {
    return this.#underWay.size
  }

  /** `giveUp` is called where it comes too slowly; what comes after that is nobody's. */
  begin(giveUp: () => void): Upload {
    const now = this.clock.mono()
    const upload = { since: now, at: now, bytes: 0, giveUp }
    this.#underWay.add(upload)
    return upload
  }

  came(upload: Upload, bytes: number): void {
    upload.bytes += bytes
    upload.at = this.clock.mono()
  }

  end(upload: Upload): void {
    this.#underWay.delete(upload)
  }

  /** Several times a minute. */
  sweep(): void {
    const now = this.clock.mono()
    for (const upload of this.#underWay) {
      if (!isTooSlow(upload, now)) continue
      this.#underWay.delete(upload)
      upload.giveUp()
    }
  }
}

function isTooSlow({ since, at, bytes }: Upload, now: number): boolean {
  const ageMs = now - since
  if (ageMs < PATIENCE_MS) return false
  return now - at >= PATIENCE_MS || bytes < (ageMs * LEAST_BYTES_PER_SECOND) / 1000
}
