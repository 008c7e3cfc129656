/**
 * ToldFigures: with each beat this node writes into Redis what the figures of its apps have become, those that have
 * changed, and reads there what the others have written. Nobody is told who does not ask: it costs by how much changes,
 * not by how many nodes there are.
 */
import type { App } from '../../core/app'
import type { Core } from '../../core/core'
import { NO_BACKLOG, type Backlog } from '../../core/deliveries'
import { figuresOf, WHOLE_NODE, type Figures, type NodeFigures } from '../../core/figures'
import { sumUp, type Stamp } from '../../core/totals'
import type { Context } from '../context'
import { RedisAway } from '../link/away'
import type { Script } from '../link/script'
import { SCRIPTS } from '../scripts'
import { readFigures, writeFigures } from './figures-text'
import type { KnownNode } from './known'

/** What one script writes at most. */
const APPS_AT_ONCE = 100
const CHARS_AT_ONCE = 65_536
/** What one script reads at most, of all nodes together: 2 ms. */
const READ_AT_ONCE = 200
/** Apps that one step looks up: some microseconds. */
const IDS_PER_STEP = 64

type Run = (script: Script, ...args: readonly (string | number)[]) => Promise<unknown>
type Changed = readonly [id: string, text: string]

/** What stands for the text, and for the numbers that it was made of. */
type Told = {
  readonly stands: number | bigint
  readonly stamp: Stamp
  readonly hasBacklog: boolean
}

export class ToldFigures {
  /** What Redis has of each app, and of the node. */
  readonly #told = new Map<string, Told>()
  /** Redis may not have what was told. */
  #isWhole = true
  #isTelling = false

  constructor(
    readonly context: Context,
    readonly run: Run,
  ) {}

  /** Redis may have lost what it was told. */
  forget(): void {
    this.#isWhole = true
  }

  /** Tells what has changed. Rejects with RedisAway. */
  async tell(core: Core): Promise<void> {
    const { backlogOf } = core.state
    if (!backlogOf || this.#isTelling) return
    this.#isTelling = true
    try {
      const isWhole = this.#isWhole
      if (isWhole) this.#told.clear()
      this.#isWhole = false
      await this.#write(await this.#changes(core, backlogOf), isWhole)
    } catch (cause) {
      this.#isWhole = true
      throw cause
    } finally {
      this.#isTelling = false
    }
  }

  /** The node's own are the last: where they are there, those of its apps are. */
  async #changes(core: Core, backlogOf: (app: App) => Backlog): Promise<Changed[]> {
    const changed: Changed[] = []
    const note = (id: string, figures: Figures, stamp: Stamp): void => {
      const text = writeFigures(figures)
      const stands = Bun.hash(text)
      const before = this.#told.get(id)?.stands ?? unsaidOf(id)
      const hasBacklog = figures.backlog !== NO_BACKLOG
      this.#told.set(id, { stands, stamp, hasBacklog })
      if (before !== stands) changed.push([id, text])
    }
    let left = this.#told.size
    const total = await sumUp(core, orNone(backlogOf), (app, backlog, stamp) => {
      const told = this.#told.get(app.id)
      if (told) left--
      if (isToldBy(told, backlog, stamp)) return
      note(app.id, figuresOf(app, backlog, app.peaks), stamp)
    })
    // The node itself is one of them.
    if (left > 1) await this.#forgetRemoved(core, changed)
    note(WHOLE_NODE, figuresOf(total, total.backlog, core.peaks), UNTOLD)
    return changed
  }

  /** Apps that are no more. */
  #forgetRemoved({ apps, slices }: Core, changed: Changed[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const ids = this.#told.keys()
    const step = (): boolean => {
      for (let most = IDS_PER_STEP; most > 0; most--) {
        const { value: id, done } = ids.next()
        if (done) {
          resolve()
          return false
        }
        if (id === WHOLE_NODE || apps.byId(id)) continue
        this.#told.delete(id)
        changed.push([id, ''])
      }
      return true
    }
    slices.add({ part: 'figures', step })
    return promise
  }

  async #write(changed: readonly Changed[], isWhole: boolean): Promise<void> {
    let isFirst = isWhole
    for (let at = 0; at < changed.length;) {
      const some: Changed[] = []
      let chars = 0
      while (at < changed.length && some.length < APPS_AT_ONCE && chars < CHARS_AT_ONCE) {
        chars += changed[at]![1].length
        some.push(changed[at++]!)
      }
      const isThere = await this.run(SCRIPTS.nodesFigures, isFirst ? 1 : 0, ...some.flat())
      isFirst = false
      if (isThere === 1) continue
      this.#isWhole = true
      return
    }
  }

  /** What the others have told of some apps, or of themselves (`WHOLE_NODE`). */
  async read(ids: readonly string[], known: readonly KnownNode[]): Promise<readonly NodeFigures[]> {
    const told = await this.#read(ids, known.length).catch((cause: unknown) => {
      if (!(cause instanceof RedisAway)) throw cause
      return new Map<string, Figures[]>()
    })
    const now = this.context.clock.mono()
    return known.flatMap(({ id, card, heardAt }): NodeFigures[] => {
      if (!card) return []
      const { name, startedAt } = card
      return [{ id, name, startedAt, seenMs: Math.max(0, now - heardAt), figures: told.get(id) }]
    })
  }

  /** By node. Rejects with RedisAway. */
  async #read(ids: readonly string[], nodes: number): Promise<Map<string, Figures[]>> {
    const told = new Map<string, Figures[]>()
    const size = Math.max(1, Math.floor(READ_AT_ONCE / Math.max(1, nodes)))
    for (let at = 0; at < ids.length && nodes > 0; at += size) {
      const answer = await this.run(SCRIPTS.nodesFiguresRead, ...ids.slice(at, at + size))
      for (const [id, texts] of answer as [string, (string | null)[]][]) {
        const all = told.get(id) ?? []
        for (const text of texts) all.push(this.#parse(text ?? ''))
        told.set(id, all)
      }
    }
    // Of a node that has come or gone meanwhile a part is missing.
    for (const [id, all] of told) if (all.length !== ids.length) told.delete(id)
    return told
  }

  #parse(text: string): Figures {
    const figures = readFigures(text)
    if (!figures) this.context.numbers.refusedMessages++
    return figures ?? NONE
  }
}

/** A database that cannot be read is a problem of this node, which says so itself. */
const orNone =
  (backlogOf: (app: App) => Backlog) =>
  (app: App): Backlog => {
    try {
      return backlogOf(app)
    } catch {
      return NO_BACKLOG
    }
  }

const NOTHING = Bun.hash('')
/** Stands for what was not told yet: nothing of an app; of the node that is told, too. */
const unsaidOf = (id: string) => (id === WHOLE_NODE ? undefined : NOTHING)

const NONE = readFigures('')!

const UNTOLD: Stamp = { counted: 0, now: 0 }

/** True where the numbers are those that were told. A backlog changes by itself. */
const isToldBy = (told: Told | undefined, backlog: Backlog, stamp: Stamp): boolean => {
  const { counted, now } = told?.stamp ?? UNTOLD
  const isSame = counted === stamp.counted && now === stamp.now
  return isSame && backlog === NO_BACKLOG && !told?.hasBacklog
}
