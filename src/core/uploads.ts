/**
 * Uploads: request bodies that are still arriving. The sweep gives up one that brings nothing for ten
 * seconds, or less than 8 KB a second on average; otherwise its sender could keep it open for ever. All
 * together hold at most `mostBytes`; beyond that the oldest is given up, which an honest one is not for long.
 */
import type { Clock } from './types'

const PATIENCE_MS = 10_000
const LEAST_BYTES_PER_SECOND = 8192

const MOST_BYTES = 64 * 1024 * 1024

export type Upload = {
  /** When it began; of the clock's `mono`, like `at`. */
  readonly since: number
  /** When bytes last arrived. */
  at: number
  bytes: number
  readonly giveUp: (reason: 'too_slow') => void
}

export class Uploads {
  readonly #underWay = new Set<Upload>()

  #bytes = 0
  /** Those of requests to an API, whose senders have shown credentials; the rest are of sessions. */
  ofRequests = 0

  constructor(
    readonly clock: Pick<Clock, 'mono'>,
    readonly mostBytes = MOST_BYTES,
  ) {}

  get count(): number {
    return this.#underWay.size
  }

  /** Calls `giveUp` where the body arrives too slowly; later bytes of it are ignored. */
  begin(giveUp: (reason: 'too_slow') => void): Upload {
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

  end(upload: Upload): void {
    if (this.#underWay.delete(upload)) this.#bytes -= upload.bytes
  }

  /** Called several times a minute. */
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
