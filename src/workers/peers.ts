/**
 * Peers: the other workers, as one of them has them. A session of the HTTP fallback, of long-poll or of the console lives
 * in one process, and nobody in front of one port knows which. So its name tells: the worker that it is of gets the
 * requests that others were sent, by the private socket beside its database.
 */
import { realpathSync } from 'node:fs'
import { databaseOfWorker } from '../config/workers-settings'
import type { Uploads } from '../core/uploads'
import type { Forward } from '../entrance'
import type { Addresses } from '../http/address'
import { tryReadBytes } from '../http/bytes'
import { readSecrets } from '../http/session-cookie'
import { isFile } from '../store/files'
import { doorOf } from '../takeover/door'
import { forwardTo } from '../takeover/forward'

/** One worker among others. */
export type WorkerPart = {
  readonly number: number
  readonly count: number
  /** Of the settings: the first worker's. */
  readonly databasePath: string
  /** Resolves when it may listen: with true where others listen on the same ports. */
  readonly takeTurn: () => Promise<boolean>
}

type PeersParts = {
  readonly worker: WorkerPart
  readonly addresses: Addresses
  readonly uploads: Uploads
  /** Of a body. */
  readonly maxBytes: number
}

export class Peers {
  readonly #forwards: readonly Forward[]

  /** Undefined for the only process, and where workers have no files, beside which their sockets are. */
  static of(parts: Omit<PeersParts, 'worker'> & { readonly worker: WorkerPart | undefined }) {
    const { worker } = parts
    return worker && isFile(worker.databasePath) ? new Peers({ ...parts, worker }) : undefined
  }

  constructor(readonly parts: PeersParts) {
    const { worker, addresses, uploads, maxBytes } = parts
    const read = (request: Request) => tryReadBytes(uploads, request, maxBytes)
    this.#forwards = Array.from({ length: worker.count }, (_, index) => {
      const path = databaseOfWorker(worker.databasePath, index + 1)
      return forwardTo(() => doorOf(realpathSync(path)), addresses, { read, keepsAlive: true })
    })
  }

  /** Whether this worker has the session of a name or secret. Names are as random as secrets. */
  owns(name: string): boolean {
    return this.#ownerOf(name) === this.parts.worker.number
  }

  /** What passes a request of a session on; undefined where this worker has it. */
  forwardOf(request: Request, session: string): Forward | undefined {
    const owner = this.#ownerOf(session)
    const isHere = owner === this.parts.worker.number || this.parts.addresses.isForwarded(request)
    return isHere ? undefined : this.#forwards[owner - 1]
  }

  /** The same for a browser that is signed in to the console. */
  forwardOfBrowser(request: Request): Forward | undefined {
    const [secret, another] = readSecrets(request, this.parts.addresses)
    return secret === undefined || another !== undefined
      ? undefined
      : this.forwardOf(request, secret)
  }

  #ownerOf(name: string): number {
    return (Bun.hash.crc32(name) % this.parts.worker.count) + 1
  }
}
