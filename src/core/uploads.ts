/**
 * Uploads: bodies that are on their way to us. Who sends nothing for ten seconds, or less than 8 KB a
 * second in the long run, is given up by the next sweep: a body that never comes would be waited for as
 * long as its sender likes. All together they hold so many bytes; past that the oldest goes, which an
 * honest one is not for long.
 */
import type { RequestQueue } from './request-queue'
import type { Clock } from './types'

const PATIENCE_MS = 10_000
const LEAST_BYTES_PER_SECOND = 8192

const MOST_BYTES = 64 * 1024 * 1024

export type Upload = {
  /** When it began; of the clock's `mono`, like `at`. */
  readonly since: number
  /** When something last came. */
  at: number
  bytes: number
  /** Tells whoever reads it. */
  readonly giveUp: (why: 'too_slow') => void
}

export class Uploads {
  readonly #underWay = new Set<Upload>()

  #bytes = 0

  constructor(
    readonly clock: Pick<Clock, 'mono'>,
    readonly requests: Pick<RequestQueue, 'mustWait' | 'defer'>,
    readonly mostBytes = MOST_BYTES,
  ) {}

  get count(): number {
    return this.#underWay.size
  }

  /** `giveUp` is called where it comes too slowly; what comes after that is nobody's. */
  begin(giveUp: (why: 'too_slow') => void): Upload {
    const now = this.clock.mono()
    const upload = { since: now, at: now, bytes: 0, giveUp }
    this.#underWay.add(upload)
    return upload
  }

  has(upload: Upload): boolean {
    return this.#underWay.has(upload)
  }

  receive(upload: Upload, bytes: number): void {
    if (!this.has(upload)) return
    upload.bytes += bytes
    upload.at = this.clock.mono()
    this.#bytes += bytes
    for (const oldest of this.#underWay) {
      if (this.#bytes <= this.mostBytes) return
      if (oldest.bytes > 0) this.#giveUp(oldest)
    }
  }

  /** It has come whole, and is taken by `deed` when there is time; until then it holds what it holds. */
  whole(upload: Upload, deed: () => void): void {
    const take = (): void => {
      this.end(upload)
      deed()
    }
    if (this.requests.mustWait()) void this.requests.defer(take)
    else take()
  }

  end(upload: Upload): void {
    if (this.#underWay.delete(upload)) this.#bytes -= upload.bytes
  }

  /** Several times a minute. */
  sweep(): void {
    const now = this.clock.mono()
    for (const upload of this.#underWay) {
      if (isTooSlow(upload, now)) this.#giveUp(upload)
    }
  }

  #giveUp(upload: Upload): void {
    this.end(upload)
    upload.giveUp('too_slow')
  }
}

function isTooSlow({ since, at, bytes }: Upload, now: number): boolean {
  const ageMs = now - since
  if (ageMs < PATIENCE_MS) return false
  return now - at >= PATIENCE_MS || bytes < (ageMs * LEAST_BYTES_PER_SECOND) / 1000
}
