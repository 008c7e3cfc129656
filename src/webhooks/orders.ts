/**
 * Orders: what operators say of an endpoint, told to all servers that are one. Pauses stay: who was away learns of them
 * at its start. Of dead letters each server sends its own again.
 */
import { createHash } from 'node:crypto'
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { messageOf } from '../core/errors'
import { isRecord } from '../core/json'
import { endpointsOf } from '../core/webhooks'
import type { LaneKey } from '../store/outbox'

/** Whose the shared values are; no plugin has such a name. */
const OWNER = '#webhooks'
const PAUSE = 'pause'
const REPLAY = 'replay'
/** All endpoints of an app. */
const ALL = '*'
/** For how long servers that are away may still learn of it. */
const REPLAYED_MS = 300_000
const PAUSED_MS = 366 * 86_400_000

/** What becomes of an order on a server. */
export type OrderTarget = {
  pausedAt(key: LaneKey): number | null
  /** Epoch milliseconds; null for the end of a pause. */
  setPause(key: LaneKey, at: number | null): void
  /** Sends the dead letters again that were given up before `at`. */
  replay(app: App, endpoint: string | undefined, at: number): void
}

export class EndpointOrders {
  /** Whose own orders are carried out already. */
  readonly #self = crypto.randomUUID()

  constructor(
    readonly core: Core,
    readonly target: OrderTarget,
  ) {
    core.sharedTaps.set(OWNER, ({ key, value }) => this.#receive(key, value))
  }

  /** Done when it is carried out here. Rejects with RealtimeError where nobody can be told. */
  async pause(key: LaneKey, at: number | null): Promise<void> {
    const expiresAt = this.core.clock.now() + PAUSED_MS
    await this.#share('set', `${PAUSE} ${nameOf(key)}`, { at }, { expiresAt })
  }

  /** Tells the others. Rejects as `pause`. */
  async replay({ id }: App, endpoint: string | undefined, at: number): Promise<void> {
    const expiresAt = this.core.clock.now() + REPLAYED_MS
    const name = endpoint === undefined ? `${id} ${ALL}` : nameOf({ appId: id, endpoint })
    await this.#share('set', `${REPLAY} ${name}`, { at, by: this.#self }, { expiresAt })
  }

  /** The endpoint was removed: another one of its name begins anew. */
  forget(key: LaneKey): void {
    this.#share('delete', `${PAUSE} ${nameOf(key)}`).catch((cause: unknown) => this.#report(cause))
  }

  /** Learns what was said while this server was away; pauses from before it was one of several are everybody's. */
  async start(): Promise<void> {
    try {
      const entries = await this.#share('entries', { prefix: `${PAUSE} ` })
      const told = new Map(entries as readonly (readonly [string, unknown])[])
      for (const app of this.core.apps.all())
        for (const { name: endpoint } of endpointsOf(app)) {
          const key = { appId: app.id, endpoint }
          const name = `${PAUSE} ${nameOf(key)}`
          const at = this.target.pausedAt(key)
          if (told.has(name)) this.#receive(name, told.get(name))
          else if (at !== null) await this.pause(key, at)
        }
    } catch (cause) {
      this.#report(cause)
    }
  }

  #report(cause: unknown): void {
    this.core.log.warn({ error: messageOf(cause) }, 'webhooks: pauses are not those of all servers')
  }

  async #share(method: 'set' | 'delete' | 'entries', ...args: unknown[]): Promise<unknown> {
    return this.core.engine.share({ plugin: OWNER, method, args })
  }

  /** What is none of ours, or about an endpoint that is not here, is passed over. */
  #receive(text: string, value: unknown): void {
    const [kind, appId = '', digest] = text.split(' ')
    const app = this.core.apps.byId(appId)
    if (!app || !isRecord(value)) return
    const endpoint = endpointsOf(app).find(({ name }) => digestOf(name) === digest)?.name
    const at = typeof value['at'] === 'number' ? value['at'] : null
    if (kind === PAUSE && endpoint !== undefined) {
      const key = { appId, endpoint }
      if ((this.target.pausedAt(key) === null) !== (at === null)) this.target.setPause(key, at)
    }
    const isReplay = kind === REPLAY && at !== null && value['by'] !== this.#self
    if (isReplay && (endpoint !== undefined || digest === ALL))
      this.target.replay(app, endpoint, at)
  }
}

/** URLs may be longer than names of shared values. */
const digestOf = (endpoint: string): string =>
  createHash('sha256').update(endpoint).digest('hex').slice(0, 32)

const nameOf = ({ appId, endpoint }: LaneKey): string => `${appId} ${digestOf(endpoint)}`
