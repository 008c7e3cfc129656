/**
 * Records: apps, tokens, the audit and what plugins share, as this node has them of the table in Redis. Each change of
 * the table has a number. A message says that there is another one; the node then asks for what has changed since its
 * own, and carries that out in order. So what was not heard, or came twice, does no harm.
 */
import { RealtimeError } from '../../core/errors'
import type { Mirror, MirrorState } from '../../core/mirror'
import type { Cancel, Clock, Log } from '../../core/types'
import { PATIENCE_MS, RedisAway } from '../link/away'
import type { Numbers } from '../context'
import type { Changed, Page } from './page'
import { addToTable, fillTable, itemsOf } from './fill'
import { TABLE_BEAT_MS, type Looked, type Table } from './table'
import { storedTarget, type Target } from './targets'
import {
  readAdmin,
  readApp,
  readOverrides,
  readRow,
  readShared,
  readTableMessage,
  readToken,
  splitShared,
} from './wire'

/** How soon one looks again at a table that is about to be filled. */
const SOON_MS = TABLE_BEAT_MS / 8

/** How long one waits for word of one's own change. */
const NUDGE_MS = 20

export type RecordsOptions = {
  readonly table: Table
  readonly mirror: Mirror
  readonly clock: Clock
  readonly log: Log
  /** Where messages and items are counted that are none. */
  readonly numbers: Pick<Numbers, 'refusedMessages'>
  /** Runs all of a page in one transaction; without, each change by itself, a turn of the loop each. */
  readonly isStored?: boolean
}

type Waiter = {
  readonly rev: number
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** What this node has was of another server, or of another life of the table. */
type Whose = { readonly isForeign: boolean; readonly isNewLife: boolean }
const OWN: Whose = { isForeign: false, isNewLife: false }

export class Records {
  /** Where changes go; replaced when the server runs. */
  target: Target
  /** The look that is under way, and the one after it: whoever asks meanwhile wants what came since. */
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  /** Something else than was looked for. */
  #isDue = false
  #waiters: Waiter[] = []
  #timers: Cancel[] = []
  #isStopped = false

  constructor(
    private readonly options: RecordsOptions,
    target: Target,
  ) {
    this.target = target
  }

  get state(): MirrorState {
    return this.options.mirror.state()
  }

  /** Looks at the table from time to time: a Redis that came back empty says nothing. */
  start(): void {
    this.#isStopped = false
    this.#timers.push(this.options.clock.every(TABLE_BEAT_MS, () => void this.catchUp()))
  }

  pause(): void {
    this.#isStopped = true
    for (const cancel of this.#timers) cancel()
    this.#timers = []
  }

  stop(): void {
    this.pause()
    this.#settle(new RedisAway('the server stops', true))
  }

  /** A message of the bus. */
  receive(text: string): void {
    const message = readTableMessage(text)
    if (!message) return void this.options.numbers.refusedMessages++
    const { life, rev } = this.state
    if (message.life === life && message.rev <= rev) return
    const isNext = message.life === life && message.rev === rev + 1 && !this.#running
    if (isNext && message.shared !== undefined && this.#share(message.shared, message.text)) {
      this.#note(message.rev)
      return
    }
    void this.catchUp()
  }

  /** Done when this node has carried out all changes up to the number. Rejects with what it fails at. */
  reach(rev: number): Promise<void> | undefined {
    if (this.state.rev >= rev) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { rev, resolve, reject }
    this.#waiters.push(waiter)
    const { clock } = this.options
    const nudge = clock.after(NUDGE_MS, () => void this.catchUp()) // the bus is silent
    const cancel = clock.after(PATIENCE_MS, () => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter)
      reject(new RedisAway('the change was made, and is not here yet', true))
    })
    return promise.finally(() => {
      nudge()
      cancel()
    })
  }

  /** Looks at the table and takes what is new. Never rejects. Done when this node has what the table had. */
  catchUp(): Promise<void> {
    if (this.#next) return this.#next
    if (this.#running) return (this.#next = this.#running.then(() => this.#run()))
    return this.#run()
  }

  #run(): Promise<void> {
    this.#next = undefined
    this.#running = this.#lookUntilDone().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #lookUntilDone(): Promise<void> {
    try {
      do {
        this.#isDue = false
        if (!this.#isStopped) await this.#look()
      } while (this.#isDue)
    } catch (cause) {
      this.#settle(cause)
      if (!(cause instanceof RedisAway) && !isUnstored(cause))
        this.options.log.error({ err: cause }, 'redis: apps could not be taken over')
    }
  }

  async #look(): Promise<void> {
    const { table, mirror } = this.options
    const known = this.state
    if (known.rev > 0 && (await this.#fetch(known, known.rev, undefined))) return
    const looked = await table.look(known)
    if (looked.task === 'WAIT') return this.#lookSoon()
    if (looked.task === 'FILL') return this.#fill()
    if (looked.rev === 0) {
      if (known.life !== looked.life)
        mirror.note({ origin: looked.origin, life: looked.life, rev: 0 })
      return
    }
    const isSame = looked.life === known.life
    const isForeign = known.origin !== looked.origin && known.rev > 0
    if (isForeign) await this.#join(looked)
    const whose = isSame ? undefined : { isForeign, isNewLife: known.rev > 0 }
    this.#isDue = !(await this.#fetch(looked, isSame ? known.rev : 0, whose))
  }

  #lookSoon(): void {
    const cancel = this.options.clock.after(SOON_MS, () => {
      this.#timers = this.#timers.filter((timer) => timer !== cancel)
      void this.catchUp()
    })
    this.#timers.push(cancel)
  }

  async #fill(): Promise<void> {
    const { table, mirror, log } = this.options
    const filled = await fillTable(table, mirror)
    if (!filled) return this.#lookSoon()
    mirror.note(filled)
    log.info({ rev: filled.rev }, 'redis: had no apps, and has those of this node')
    this.#isDue = true
  }

  /** This node comes with apps of its own to a table of others. */
  async #join(looked: Looked): Promise<void> {
    const { table, mirror, clock, log } = this.options
    log.warn(
      {},
      'redis: this database was used without Redis, or with another one; apps that clash with none are added',
    )
    await addToTable(table, looked, mirror, clock.now())
    mirror.putRowsAside(0)
  }

  /**
   * Takes all changes after a number; where it is said whose what is here was, gives up what is not there. False where
   * it is another table by now, or one that has less.
   */
  async #fetch(
    looked: Pick<Looked, 'life' | 'origin'>,
    from: number,
    whose: Whose | undefined,
  ): Promise<boolean> {
    const { table, mirror } = this.options
    const seen = whose && new Set<string>()
    const before =
      seen && new Map(itemsOf(mirror).map(([kind, id, value]) => [`${kind} ${id}`, value]))
    const postponed: Changed[] = []
    let since = from
    for (;;) {
      const page = await table.since(since, mirror.lastRow())
      if (page.life !== looked.life || page.rev < since) return false
      if (since < page.forgotten && !seen) return this.#fetch(looked, 0, OWN)
      if (before && whose?.isForeign) this.#keepOthers(page, before)
      if (whose && mirror.lastRow() > page.lastRow) mirror.putRowsAside(page.lastRow)
      await this.#take(page, postponed)
      for (const { item } of page.changes) seen?.add(item)
      since = page.upTo
      if (!seen && postponed.length === 0) this.#note(since)
      if (since >= page.rev && !page.hasMoreRows) break
    }
    for (const [item, text] of before ?? []) {
      if (seen?.has(item)) continue
      if (whose?.isNewLife) this.#setAside(item, text)
      this.#apply({ item, rev: 0, text: undefined })
    }
    for (const change of postponed) this.#applyAtLast(change)
    this.#noteState({ origin: looked.origin, life: looked.life, rev: since })
    return true
  }

  #note(rev: number): void {
    this.#noteState({ ...this.state, rev })
  }

  #noteState(state: MirrorState): void {
    if (!Bun.deepEquals(state, this.state)) this.options.mirror.note(state)
    this.#settle()
  }

  async #take({ changes, rows }: Page, postponed: Changed[]): Promise<void> {
    const { mirror, isStored } = this.options
    const writeRows = (): void => {
      for (const [id, text] of rows) {
        const row = readRow(id, text)
        if (row) mirror.putRow(row)
        else this.options.numbers.refusedMessages++
      }
    }
    if (isStored) {
      mirror.together(() => {
        for (const change of changes) this.#tryToApply(change, postponed)
        writeRows()
      })
      return
    }
    for (const [index, change] of changes.entries()) {
      if (index > 0) await nextTurn()
      this.#tryToApply(change, postponed)
    }
    if (rows.length > 0) mirror.together(writeRows)
  }

  /** A name may still be another's that gives it up further on. @throws where the database does */
  #tryToApply(change: Changed, postponed: Changed[]): void {
    try {
      this.#apply(change)
    } catch (cause) {
      if (isUnstored(cause)) throw cause
      postponed.push(change)
    }
  }

  /** What still clashes clashes with what the settings of this node bring: it is stored, and hidden. */
  #applyAtLast(change: Changed): void {
    try {
      this.#apply(change)
    } catch (cause) {
      if (isUnstored(cause)) throw cause
      const { log, mirror } = this.options
      log.error({ item: change.item, err: cause }, 'redis: an app has no place on this node')
      const live = this.target
      this.target = storedTarget(mirror)
      this.#apply(change)
      this.target = live
    }
  }

  #apply({ item, text }: Changed): void {
    const [kind, id] = splitItem(item)
    const isTaken = text === undefined ? this.#removeItem(kind, id) : this.#putItem(kind, id, text)
    if (!isTaken) this.options.numbers.refusedMessages++
  }

  #removeItem(kind: string, id: string): boolean {
    const { target } = this
    if (kind === 'app') target.removeApp(id)
    else if (kind === 'token') target.removeToken(id)
    else if (kind === 'shared') target.putShared(...splitShared(id), undefined)
    else return false
    return true
  }

  #putItem(kind: string, id: string, text: string): boolean {
    const { target } = this
    const { mirror } = this.options
    const reader = {
      app: () => take(readApp(text), (record) => target.putApp(record)),
      provided: () => take(readOverrides(text), (changes) => target.putOverrides(id, changes)),
      token: () => take(readToken(text), (record) => target.putToken(record)),
      admin: () => take(readAdmin(text), (admin) => mirror.putAdmin(admin)),
      shared: () => this.#share(id, text),
    }[kind]
    return reader?.() ?? false
  }

  #share(id: string, text: string | undefined): boolean {
    if (text === undefined) return this.#removeItem('shared', id)
    return take(readShared(id, text), (value) =>
      this.target.putShared(value.plugin, value.key, value),
    )
  }

  /** Keeps what this node has otherwise than the table. */
  #keepOthers({ changes }: Page, before: ReadonlyMap<string, string>): void {
    for (const { item, text } of changes) {
      const own = before.get(item)
      if (own !== undefined && text !== undefined && isOther(own, text)) this.#setAside(item, own)
    }
  }

  #setAside(item: string, text: string): void {
    const { mirror, log } = this.options
    const [kind, id] = splitItem(item)
    if (kind === 'shared') return // plugins' values come and go
    mirror.setAside({ kind, id, value: text })
    log.warn(
      { kind, id },
      'redis: what this node has is not what all have; it is kept in set_aside',
    )
  }

  /** Answers those who wait, for what is there or with what it has failed at. */
  #settle(failure?: unknown): void {
    const { rev } = this.state
    const waiters = this.#waiters
    this.#waiters = failure === undefined ? waiters.filter((waiter) => waiter.rev > rev) : []
    for (const waiter of waiters)
      if (waiter.rev <= rev) waiter.resolve()
      else if (failure !== undefined) waiter.reject(failure)
  }
}

const splitItem = (item: string): readonly [kind: string, id: string] => {
  const space = item.indexOf(' ')
  return [item.slice(0, space), item.slice(space + 1)]
}

/** The database cannot be written now. */
const isUnstored = (cause: unknown): boolean => cause instanceof RealtimeError

function take<T>(value: T | undefined, use: (value: T) => void): boolean {
  if (value === undefined) return false
  use(value)
  return true
}

const isOther = (own: string, text: string): boolean => {
  try {
    return !Bun.deepEquals(JSON.parse(own), JSON.parse(text))
  } catch {
    return own !== text // SyntaxError: a value with its expiry
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
