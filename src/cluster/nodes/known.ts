/**
 * KnownNodes: what this node knows of the others. Owns it. A node that has said nothing for a lease is forgotten, but
 * not while nobody can be heard.
 */
import type { AppId } from '../../core/types'
import type { AppNumbers, NodeBeat, NodeCard } from './wire'

/** A node of the others. */
export type KnownNode = {
  readonly id: string
  beat: NodeBeat
  /** When that was heard (`mono`). */
  heardAt: number
  /** When it was first heard of (`mono`). */
  readonly knownSince: number
  /** Undefined until it is fetched. */
  card: NodeCard | undefined
  /** The one that `card` was: see `NodeBeat.card`. */
  cardName: string
  /** The number of its last `AppNumbers` that is in `connections`; undefined until they are fetched. */
  told: number | undefined
  readonly connections: Map<AppId, number>
}

/** More of them are none. */
const MAX_NODES = 1000

export class KnownNodes {
  readonly #byId = new Map<string, KnownNode>()
  /** Connections of each app, of all of them. */
  readonly #sums = new Map<AppId, number>()

  get(id: string): KnownNode | undefined {
    return this.#byId.get(id)
  }

  all(): Iterable<KnownNode> {
    return this.#byId.values()
  }

  get size(): number {
    return this.#byId.size
  }

  get isFull(): boolean {
    return this.#byId.size >= MAX_NODES
  }

  connectionsOf(appId: AppId): number {
    return this.#sums.get(appId) ?? 0
  }

  /** Notes a beat. Returns the node; its card and its numbers may have to be fetched. */
  hear(beat: NodeBeat, now: number): KnownNode {
    const known = this.#byId.get(beat.id)
    if (known) {
      known.beat = beat
      known.heardAt = now
      return known
    }
    const node: KnownNode = {
      id: beat.id,
      beat,
      heardAt: now,
      knownSince: now,
      card: undefined,
      cardName: '',
      told: undefined,
      connections: new Map(),
    }
    this.#byId.set(beat.id, node)
    return node
  }

  /** Takes its next numbers, or all of them. False where some were missed. */
  take(node: KnownNode, { told, isWhole, connections }: AppNumbers): boolean {
    if (!isWhole && told !== (node.told ?? -1) + 1) return told <= (node.told ?? -1)
    if (isWhole) this.#clear(node)
    for (const [appId, count] of connections) this.#set(node, appId, count)
    node.told = told
    return true
  }

  #set(node: KnownNode, appId: AppId, count: number): void {
    const sum = this.connectionsOf(appId) - (node.connections.get(appId) ?? 0) + count
    if (count === 0) node.connections.delete(appId)
    else node.connections.set(appId, count)
    if (sum === 0) this.#sums.delete(appId)
    else this.#sums.set(appId, sum)
  }

  #clear(node: KnownNode): void {
    for (const appId of node.connections.keys()) this.#set(node, appId, 0)
  }

  forget(id: string): KnownNode | undefined {
    const node = this.#byId.get(id)
    if (!node) return undefined
    this.#clear(node)
    this.#byId.delete(id)
    return node
  }

  /** Those that have said nothing since. */
  silentSince(time: number): KnownNode[] {
    return [...this.#byId.values()].filter(({ heardAt }) => heardAt < time)
  }
}
