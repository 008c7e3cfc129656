/**
 * Nodes: this node tells the others of itself, with every beat and when the numbers of an app change, and hears what
 * they say. Each keeps what it knows of all, so that nobody is asked.
 */
import type { App } from '../../core/app'
import type { Core } from '../../core/core'
import { messageOf } from '../../core/errors'
import type { NodeReport } from '../../core/node-report'
import type { AppId, Cancel } from '../../core/types'
import { Usage } from '../../core/usage'
import { RedisAway, withPatience } from '../link/away'
import { BEAT_MS, LEASE_MS, type Context } from '../context'
import { differencesOf } from './agreed'
import { Questions } from './questions'
import { ToldFigures } from './told-figures'
import type { NodeFigures } from '../../core/figures'
import { listNodes } from './list'
import { KnownNodes, type KnownNode } from './known'
import { readCard, readNodeMessage, type AppNumbers, type NodeBeat, type NodeCard } from './wire'
import { pairs } from '../snapshot'
import type { Script } from '../link/script'
import { SCRIPTS } from '../scripts'

export const NODES_PLACE = 'nodes'
export const NODES_BUS = `{${NODES_PLACE}}:bus`

/** How often the numbers of apps are told at most. */
const LAG_MS = 100

export type NodesOptions = {
  /** What has to be the same on all nodes. */
  readonly agreed: NodeCard['agreed']
  readonly lagMs?: number | undefined
}

export class Nodes {
  readonly known = new KnownNodes()
  readonly questions: Questions
  readonly #figures: ToldFigures
  #core: Core | undefined
  #usage: Usage | undefined
  #cancel: Cancel | undefined
  #timer: Cancel | undefined
  /** The number of the last message about apps. */
  #told = 0
  /** The next message has to have all apps. */
  #isWhole = true
  /** The card as Redis has it. */
  #written = ''
  #lagMs: number | undefined
  #busLagMs: number | undefined
  /** When its own last beat came back, and since when the others can be heard (`mono`). */
  #heardOwnAt = -Infinity
  #hearsSince = 0
  /** Not in it any more where it has gone meanwhile. */
  readonly #fetching = new Set<string>()
  #hasLeft = false
  #hasNamesake = false

  constructor(
    readonly context: Context,
    readonly options: NodesOptions,
  ) {
    this.#figures = new ToldFigures(context, (script, ...args) => this.#run(script, ...args))
    this.questions = new Questions(context, this.#id, (message) =>
      this.#run(SCRIPTS.nodesSay, JSON.stringify(message)),
    )
  }

  get #id(): string {
    return this.context.incarnations.base
  }

  /** Notes what all nodes read: called when one comes, changes or goes. */
  #agreeOnVersion(): void {
    const { versions, log } = this.context
    let lowest = versions.reads
    for (const { beat } of this.known.all()) lowest = Math.min(lowest, beat.reads)
    if (lowest === versions.writes) return
    versions.writes = lowest
    log.info(
      { writes: lowest, reads: versions.reads },
      'messages to other nodes have another version',
    )
  }

  /** Done when this node knows of the others, and they of it, where Redis is there. */
  async begin(core: Core): Promise<void> {
    this.#core = core
    this.#usage = core.hub.usage = core.rates.usage = new Usage(() => this.#plan())
    this.#cancel = this.context.clock.every(BEAT_MS, () => void this.beat())
    await this.hearAgain()
  }

  /** Called when the others can be heard again, too: something may have been missed. */
  async hearAgain(): Promise<void> {
    if (!this.#core) return
    await this.#safely(async () => {
      await this.context.link.subscribe(NODES_BUS)
      this.#hearsSince = this.context.clock.mono()
      this.#figures.forget()
      const ids = (await this.#run(SCRIPTS.nodesRead, '')) as string[]
      await Promise.all(ids.map((id) => this.#fetch(id)))
      await this.#beat()
    })
  }

  async beat(): Promise<void> {
    const now = this.context.clock.mono()
    const isUp = this.context.link.isPlaceUp(NODES_PLACE)
    if (now - this.#heardOwnAt > 2 * BEAT_MS) this.#hearsSince = now
    else if (now - this.#hearsSince > LEASE_MS)
      for (const { id } of this.known.silentSince(now - LEASE_MS)) this.#giveUp(id)
    this.#lookForNamesake()
    if (isUp) await this.#safely(() => this.#beat())
  }

  async #beat(): Promise<void> {
    const core = this.#core
    if (!core || this.#hasLeft) return
    const { clock } = this.context
    const card = JSON.stringify(this.#cardOf(core))
    const sentAt = clock.mono()
    const beat = JSON.stringify(this.#beatOf(card, sentAt))
    const isThere = await this.#run(
      SCRIPTS.nodesBeat,
      LEASE_MS,
      beat,
      card === this.#written ? '' : card,
    )
    this.#lagMs = clock.mono() - sentAt
    this.#written = isThere === 1 ? card : ''
    if (isThere === 0) this.#isWhole = true
    if (this.#isWhole) await this.#tell()
    if (isThere === 0) this.#figures.forget()
    void this.#safely(() => this.#figures.tell(core))
  }

  #cardOf({ state, about }: Core): NodeCard {
    return { ...about, port: state.port, agreed: this.options.agreed }
  }

  #beatOf(card: string, sentAt: number): NodeBeat {
    const { connections, subscriptions, isReady } = this.context.node.report()
    return {
      type: 'beat',
      id: this.#id,
      reads: this.context.versions.reads,
      card: nameOf(card),
      told: this.#told,
      sentAt,
      isReady,
      connections,
      subscriptions,
      lagMs: this.#lagMs,
      busLagMs: this.#busLagMs,
      ...this.context.numbers,
    }
  }

  // ---------------------------------------------------------------- numbers of apps

  #plan(): void {
    const { lagMs = LAG_MS } = this.options
    this.#timer ??= this.context.clock.after(lagMs, () => void this.#safely(() => this.#tell()))
  }

  /** Tells the others what has changed; all of it where that may have been lost. Rejects with RedisAway. */
  async #tell(): Promise<void> {
    this.#timer?.()
    this.#timer = undefined
    const [core, usage] = [this.#core, this.#usage]
    if (!core || !usage) return
    const isWhole = this.#isWhole
    const apps = isWhole ? [...core.apps.all()].filter(hasConnections) : [...usage.connections]
    const connections = apps.map(({ id, gauges }) => [id, gauges.connections] as const)
    const events = Array.from(usage.events, ([{ id }, count]) => [id, count] as const)
    usage.connections.clear()
    usage.events.clear()
    this.#isWhole = false
    const message: AppNumbers = {
      type: 'apps',
      id: this.#id,
      told: ++this.#told,
      isWhole,
      connections,
      events,
    }
    try {
      await this.#run(
        SCRIPTS.nodesTell,
        JSON.stringify(message),
        isWhole ? 1 : 0,
        message.told,
        ...connections.flat(),
      )
    } catch (cause) {
      this.#isWhole = true
      throw cause
    }
  }

  /** Connections of an app on all other nodes, as they were a moment ago. */
  connectionsElsewhere(app: App): number {
    return this.known.connectionsOf(app.id)
  }

  /** What the others have told of some apps, or of themselves. */
  figuresElsewhere(ids: readonly string[]): Promise<readonly NodeFigures[]> {
    return this.#figures.read(ids, [...this.known.all()])
  }

  // ---------------------------------------------------------------- the others

  receive(text: string): void {
    const message = readNodeMessage(text)
    if (!message) return void this.context.numbers.refusedMessages++
    const { clock } = this.context
    if (message.id === this.#id) {
      if (message.type !== 'beat') return
      this.#heardOwnAt = clock.mono()
      this.#busLagMs = Math.max(0, this.#heardOwnAt - message.sentAt)
      return
    }
    if (message.type === 'gone') {
      const gone = this.#forget(message.id)
      if (gone) this.context.log.info({ node: gone.name, id: message.id }, 'another node has left')
      return
    }
    if (message.type === 'ask' || message.type === 'answer' || message.type === 'close')
      return this.questions.receive(message)
    const known = this.known.get(message.id)
    if (message.type === 'beat') {
      if (!known && this.known.isFull) return void this.context.numbers.refusedMessages++
      return this.#hear(message)
    }
    if (!known) return // its next beat says that it is there
    for (const [appId, count] of message.events) this.#charge(appId, count)
    if (known.told !== undefined && !this.known.take(known, message))
      void this.#fetchSafely(known.id)
  }

  #hear(beat: NodeBeat): void {
    const before = this.known.get(beat.id)?.beat.reads
    const node = this.known.hear(beat, this.context.clock.mono())
    if (beat.reads !== before) this.#agreeOnVersion()
    if (node.cardName !== beat.card || node.told !== beat.told) void this.#fetchSafely(node.id)
  }

  #charge(appId: AppId, count: number): void {
    const core = this.#core
    const app = core?.apps.byId(appId)
    if (!core || !app) return
    core.rates.charge(app, count, app.limits.maxBackendEventsPerSecond, core.clock.mono())
  }

  #fetchSafely(id: string): Promise<void> {
    return this.#safely(() => this.#fetch(id))
  }

  /** Fetches what changes seldom of a node, and the numbers of its apps. Rejects with RedisAway. */
  async #fetch(id: string): Promise<void> {
    if (id === this.#id || this.#fetching.has(id)) return
    this.#fetching.add(id)
    try {
      const answer = await this.#run(SCRIPTS.nodesRead, id)
      if (!this.#fetching.has(id)) return
      const [cardText, beatText, flat, told] = answer as [string, string, string[], string]
      const [card, beat] = [readCard(cardText), readNodeMessage(beatText)]
      if (!card || beat?.type !== 'beat' || beat.id !== id) return
      if (this.known.isFull && !this.known.get(id)) return
      this.#adopt(this.known.hear(beat, this.context.clock.mono()), card, nameOf(cardText))
      this.#agreeOnVersion()
      const connections = pairs(flat).map(
        ([appId, count]) => [appId as AppId, Number(count)] as const,
      )
      const whole = { type: 'apps', id, isWhole: true, connections, events: [] } as const
      this.known.take(this.known.get(id)!, { ...whole, told: Number(told) })
    } finally {
      this.#fetching.delete(id)
    }
  }

  #adopt(node: KnownNode, card: NodeCard, cardName: string): void {
    const { agreed } = this.options
    const earlier = node.card
    const known = earlier ? differencesOf(agreed, earlier.agreed).map(({ what }) => what) : []
    node.card = card
    node.cardName = cardName
    const { log } = this.context
    const { name, version } = card
    if (!earlier) log.info({ node: name, id: node.id, version }, 'another node is there')
    for (const { what } of differencesOf(agreed, card.agreed))
      if (!known.includes(what)) log.warn({ node: name, what }, 'another node has it otherwise')
  }

  /** Of one that leaves by itself there would be a message. */
  #giveUp(id: string): void {
    const gone = this.#forget(id)
    if (!gone) return
    const silentMs = LEASE_MS
    this.context.log.warn(
      { node: gone.name, id, silentMs },
      'another node is not heard of: it has died, stands still, or does not reach Redis',
    )
  }

  #forget(id: string): NodeCard | undefined {
    this.#fetching.delete(id)
    const gone = this.known.forget(id)
    this.#agreeOnVersion()
    return gone?.card
  }

  /** What `/metrics` says of the other workers of this machine. Rejects with RedisAway. */
  async metricsOfWorkers(): Promise<readonly string[]> {
    const { name, worker } = this.context.node.report()
    if (worker === undefined) return []
    const group = name.slice(0, -String(worker).length)
    const others = [...this.known.all()].filter(({ card }) => card?.name.startsWith(group))
    return this.questions.metricsOf(group, others.length)
  }

  /** This node, then the others, by name. */
  list(): readonly NodeReport[] {
    const { context, known, options } = this
    const isHearing = context.link.isPlaceUp(NODES_PLACE)
    const own = { id: this.#id, lagMs: this.#lagMs, busLagMs: this.#busLagMs, isHearing }
    return listNodes(context, known.all(), own, options.agreed)
  }

  /** Two that are called alike are no two for people. Said once, while it is so. */
  #lookForNamesake(): void {
    const [own] = this.list()
    if (own!.hasNamesake && !this.#hasNamesake)
      this.context.log.warn({ node: own!.name }, 'another node has the name of this one')
    this.#hasNamesake = own!.hasNamesake
  }

  // ---------------------------------------------------------------- the end

  stop(): void {
    this.#cancel?.()
    this.#timer?.()
  }

  /** After `stop`: nobody has to wait for its lease. */
  async leave(): Promise<void> {
    this.#hasLeft = true
    if (this.context.link.isPlaceUp(NODES_PLACE))
      await this.#safely(() => withPatience(this.#run(SCRIPTS.nodesLeave)))
  }

  #run(script: Script, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.context.link.run(script, NODES_PLACE, [this.#id, '', '', ...args])
  }

  /** Redis being away is no news here: the link says so. */
  async #safely(run: () => Promise<unknown>): Promise<void> {
    try {
      await run()
    } catch (cause) {
      if (!(cause instanceof RedisAway))
        this.context.log.error({ error: messageOf(cause) }, 'redis: nodes could not be told')
    }
  }
}

const hasConnections = ({ gauges }: App): boolean => gauges.connections > 0

/** Stands for a card. */
const nameOf = (card: string): string => Bun.hash(card).toString(36)
