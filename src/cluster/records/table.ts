/** Table: the table of apps in Redis, as a node asks it. All of it rejects with RedisAway. */
import { newNonce } from '../context'
import type { Link } from '../link/link'
import { readPage, type Page } from './page'
import { TABLE, type Item } from './wire'
import { TABLE_SCRIPTS } from './scripts'

/** How long nodes have to say what they have, before one of them fills the table. */
export const TABLE_BEAT_MS = 2000

/** Items of a page: those that plugins share have 64 kB each. */
const PAGE_ITEMS = 50

/** What this node knows of the table: see `MirrorState`. */
export type Known = { readonly life: string; readonly rev: number }

export type Looked = Known & {
  readonly origin: string
  /** This node is the one to fill it, waits until it is filled, or can use it. */
  readonly task: 'FILL' | 'WAIT' | ''
}

export type Write = {
  readonly verb: 'create' | 'add' | 'change' | 'remove' | 'revoke' | 'note'
  /** Without value and names, of what is removed. */
  readonly item: Item
  /** A row of the audit; '' for none. */
  readonly row: string
  /** Epoch milliseconds. */
  readonly now: number
  /** Ids of tokens that are forgotten. */
  readonly forgotten?: readonly string[]
}

export type Written =
  | { readonly status: 'OK'; readonly rev: number }
  /** Somebody has changed it meanwhile. */
  | { readonly status: 'OUTDATED' }
  /** It is another table than the node knows, or one that is not filled. */
  | { readonly status: 'OTHER' }
  | { readonly status: 'TAKEN'; readonly names: readonly string[] }

export type Shared =
  | { readonly status: 'OK'; readonly rev: number; readonly answer: unknown }
  | { readonly status: 'OTHER' | 'TYPE' }
  | { readonly status: 'RANGE'; readonly sum: string }

export class Table {
  constructor(
    readonly link: () => Link,
    /** Of this node. */
    readonly id: string,
  ) {}

  #run(
    script: keyof typeof TABLE_SCRIPTS,
    nonce: string,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return this.link().run(TABLE_SCRIPTS[script], TABLE, [this.id, '', nonce, ...args])
  }

  async look({ life, rev }: Known): Promise<Looked> {
    const answer = await this.#run('look', newNonce(), [life, rev, TABLE_BEAT_MS])
    const [found, at, origin, task] = answer as [string, number, string, Looked['task']]
    return { life: found, rev: at, origin, task }
  }

  /** What has changed since a number, and rows of the audit since another. */
  async since(rev: number, row: number): Promise<Page> {
    return readPage(await this.#run('since', '', [rev, row, PAGE_ITEMS]), PAGE_ITEMS)
  }

  async write({ life, rev }: Known, write: Write): Promise<Written> {
    const { verb, item, row, now, forgotten = [] } = write
    const args = [life, rev, verb, ...item, row, now, ...forgotten]
    const [status, ...rest] = (await this.#run('write', '', args)) as [
      Written['status'],
      ...unknown[],
    ]
    if (status === 'OK') return { status, rev: rest[0] as number }
    return status === 'TAKEN' ? { status, names: rest as string[] } : { status }
  }

  async share(known: Known, args: readonly (string | number)[]): Promise<Shared> {
    const answer = await this.#run('share', '', [known.life, known.rev, ...args])
    const [status, rev, rest] = answer as [Shared['status'], number, unknown]
    if (status === 'OK') return { status, rev, answer: rest }
    return status === 'RANGE' ? { status, sum: String(rest) } : { status }
  }

  /** One step of filling it; false where another node fills it by now. */
  async fill(nonce: string, ...args: readonly (string | number)[]): Promise<boolean> {
    return (await this.#run('fill', nonce, args)) === 1
  }

  /** Whether this node may make the first credentials: 0 while others may have some, or make them. */
  async found(): Promise<boolean> {
    return (await this.#run('found', '', [TABLE_BEAT_MS])) === 1
  }
}
