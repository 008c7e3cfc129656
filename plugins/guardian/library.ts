/**
 * Library: what verifies tokens, with `jose`. Most servers see no token, and loading it takes 15 ms. That needs a file
 * descriptor: where the process has none left it fails, and the next token tries again.
 */
import type { Clock, Log } from 'carillon/plugin'

export type Verify = (typeof import('./token'))['verify']

export class Library {
  /** Undefined until it is loaded. */
  verify: Verify | undefined

  constructor(
    readonly context: { readonly clock: Clock; readonly log: Log },
    readonly importIt: () => Promise<{ readonly verify: Verify }>,
  ) {}

  /** Loads it at once where tokens are expected, else in a timer soon after the start. */
  async start(expectsTokens: boolean): Promise<void> {
    if (expectsTokens) await this.load()
    else this.context.clock.after(200, () => void this.tryToLoad())
  }

  /** Rejects where it cannot be loaded. */
  async load(): Promise<Verify> {
    this.verify ??= (await this.importIt()).verify
    return this.verify
  }

  /** Resolves with undefined, and logs it, where it cannot be loaded. */
  async tryToLoad(): Promise<Verify | undefined> {
    try {
      return await this.load()
    } catch (err) {
      this.context.log.warn({ err }, 'tokens cannot be verified: what does it could not be loaded')
      return undefined
    }
  }
}
