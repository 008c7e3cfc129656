/** What a node has to do with the table of apps: it hears of changes, gives orders, and shares values of plugins. */
import type { Core } from '../../core/core'
import type { EngineParts, Order, SharedCall } from '../../core/engine'
import type { Mirror, StoredAdmin } from '../../core/mirror'
import type { AppRecord } from '../../core/app'
import { raise, REFUSE } from '../../core/errors'
import type { Context } from '../context'
import { ignoreAway } from '../link/away'
import { Records } from './records'
import { RecordOrders } from './orders'
import { callTable } from './share'
import { Table } from './table'
import { liveTarget } from './targets'
import { TABLE_BUS } from './wire'

const CATCH_UP_MS = 1000

type Parts = { readonly core: Core; readonly records: Records; readonly orders: RecordOrders }

export class NodeRecords {
  readonly #table: Table
  #parts: Parts | undefined
  #isPaused = false

  constructor(
    readonly context: Context,
    readonly sharedOf: EngineParts['sharedOf'],
  ) {
    this.#table = new Table(() => context.link, context.incarnations.base)
  }

  /** Done when this node has what the table has, where Redis is there. */
  async begin(core: Core, mirror: Mirror): Promise<void> {
    const { node, clock, log, numbers } = this.context
    const table = this.#table
    const records = new Records(
      { table, mirror, clock, log, numbers },
      liveTarget(core, node, mirror),
    )
    const orders = new RecordOrders(core, table, records, mirror)
    this.#parts = { core, records, orders }
    mirror.holdRows(() => void orders.tellRows())
    records.start()
    await this.comeBack()
  }

  /** Called when a connection to Redis is back: what was said meanwhile was not heard. */
  async comeBack(): Promise<void> {
    if (!this.#parts || this.#isPaused) return
    const { records, orders } = this.#parts
    this.context.link.subscribe(TABLE_BUS).catch(ignoreAway) // until then it looks from time to time
    await records.catchUp()
    void orders.tellRows()
  }

  /** False for a message of another bus. */
  receive(bus: string, text: string): boolean {
    if (bus !== TABLE_BUS) return false
    if (!this.#isPaused) this.#parts?.records.receive(text)
    return true
  }

  /** Changes an app or a token. @throws (rejects) as `RecordOrders` */
  order(order: Order & { readonly type: 'app_changed' | 'token_changed' }): Promise<void> {
    const { orders } = this.#known
    return order.type === 'app_changed'
      ? orders.changeApp(order.change)
      : orders.changeToken(order.change)
  }

  /** @throws (rejects) as `callTable` */
  share(call: SharedCall): Promise<unknown> {
    const { core, records } = this.#known
    const here = { local: this.sharedOf(call.plugin), now: core.clock.now() }
    return callTable(this.#table, records, call, here)
  }

  /** Makes what this start has generated. @throws (rejects) as `RecordOrders` */
  found(record: AppRecord | undefined, admin: StoredAdmin | undefined): Promise<void> {
    return this.#known.orders.found(record, admin)
  }

  /** See `Engine.catchUp`. Waits for a second at most: a Redis that hangs is away after three. */
  async catchUp(): Promise<void> {
    if (!this.#parts || !this.context.link.isUp) return
    const { records, orders } = this.#parts
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.context.clock.after(CATCH_UP_MS, resolve)
    const caughtUp = Promise.all([orders.settleRows(), records.catchUp()])
    await Promise.race([promise, caughtUp])
    cancel()
  }

  /** @throws RealtimeError before the server has begun */
  get #known(): Parts {
    return this.#parts ?? raise(REFUSE.engineAway)
  }

  /** The database is another process's. */
  pause(): void {
    this.#isPaused = true
    this.#parts?.records.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#parts?.records.start()
    void this.comeBack()
  }

  stop(): void {
    this.#parts?.records.stop()
  }
}
