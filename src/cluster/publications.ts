/** Publications: events on their way to Redis, which numbers and keeps them, and from there to this node's subscribers. */
import type { EngineParts } from '../core/engine'
import { REFUSE, type Refusal } from '../core/errors'
import { boundsOf, ruleOf } from '../core/history-rules'
import type { BackendPublication, EventPublication, Publication } from '../core/messages'
import { keyReused, KEPT_MS } from '../core/repeats'
import { bytesOf, NOT_KEPT } from '../core/stream'
import type { Position } from '../core/types'
import type { ChannelOrders } from './channel-orders'
import { runOn, type Context } from './context'
import { readEntries } from './history'
import type { Lasts } from './lasts'
import { RedisAway } from './link/link'
import { fullNameOf, partitionOf, PARTITIONS, splitName } from './names'
import type { Replica } from './replica'
import { dismissBlind } from './replays'
import { SCRIPTS } from './scripts'
import type { Snapshot } from './snapshot'
import type { BytesSent, EventSent, Message } from './wire'

/** Epoch and offset, or that the key belongs to another request. */
type KeptAnswer = readonly [epoch: string, offset: number]
const REUSED = 'REUSED'

export class Publications {
  constructor(
    readonly context: Context,
    readonly parts: Pick<EngineParts, 'kindOf' | 'cacheTtlMs'>,
    readonly lasts: Lasts,
    readonly orders: ChannelOrders,
  ) {}

  /** Done when Redis has taken it. */
  async publish(publication: Publication): Promise<Position | Refusal> {
    const { app, channel } = publication
    const name = fullNameOf(app, channel)
    try {
      if (publication.type === 'event' && publication.origin === 'backend') {
        const keeping = this.#keepingOf(publication)
        if (keeping) {
          const answer = await runOn(this.context, SCRIPTS.keep, name, ...keeping)
          return readAnswer(publication, answer as KeptAnswer)
        }
      }
      const partition = partitionOf(name)
      const args = [
        this.context.incarnations.idOf(partition),
        name,
        '',
        ...argumentsOf(publication),
      ]
      await this.context.link.run(SCRIPTS.publish, String(partition), args)
      return NOT_KEPT
    } catch (cause) {
      if (!(cause instanceof RedisAway)) throw cause
      return cause.maySent ? REFUSE.engineSilent : REFUSE.engineAway
    }
  }

  /** The arguments of `scripts/keep.lua`; undefined where nothing is kept of the event. */
  #keepingOf(publication: BackendPublication): readonly (string | number)[] | undefined {
    const { app, channel, once, data } = publication
    const kind = this.parts.kindOf(channel)
    const rule = ruleOf(app, channel, kind)
    if (!once && !rule && !kind.cache) return undefined
    const bounds = rule && boundsOf(app, rule)
    return [
      headOf(headFieldsOf(publication)),
      data,
      once?.key ?? '',
      once?.fingerprint ?? '',
      KEPT_MS,
      kind.cache ? this.parts.cacheTtlMs : 0,
      ...(bounds ? [bounds.size, bounds.ttlMs, bounds.bytes, bytesOf(publication)] : [0, 0, 0, 0]),
      shareOf(app.limits.maxCachedChannels),
    ]
  }

  /**
   * Takes what a snapshot has of events and orders: first those that this node has missed, then those that it has heard behind
   * it, which are the last ones, with those of clients in between.
   */
  adopt(replica: Replica, snapshot: Snapshot, heard: readonly Message[]): void {
    const { position, pasts, rev, last, lastMs } = snapshot
    const { appId, channel } = splitName(replica.name)
    const app = this.context.node.app(appId)
    const missed = app && replica.epoch !== '' ? readEntries(app, channel, snapshot.missed) : []
    let next = 0
    const deliverMissed = (before: number): void => {
      for (; next < missed.length && missed[next]!.offset < before; next++) {
        const { publication, offset } = missed[next]!
        this.#deliver(replica, publication, { epoch: position.epoch, offset }, rev)
      }
    }
    const isKept = ({ position: { epoch } }: EventSent): boolean =>
      epoch !== '' && (epoch === position.epoch || pasts.has(epoch))
    const first = heard.find((message) => message.type === 'event' && isKept(message))
    deliverMissed(first?.type === 'event' ? first.position.offset : Infinity)
    for (const message of heard) {
      if (message.type === 'order') this.orders.carryOut(replica, message)
      if (message.type !== 'event' && message.type !== 'bytes') continue
      const { offset } = message.type === 'event' && isKept(message) ? message.position : NOT_KEPT
      deliverMissed(offset + 1)
      if (offset === 0 || missed[next - 1]?.offset !== offset) this.deliver(replica, message)
    }
    deliverMissed(Infinity)
    this.orders.adopt(replica, snapshot.order)
    replica.position = position
    if (replica.isCache) this.lasts.adopt(replica, last, lastMs)
  }

  forget(replica: Replica, { rev }: Message): void {
    replica.position = NOT_KEPT
    replica.last = undefined
    for (const reading of replica.readings) reading.forget(rev)
  }

  /** Gives to this node's subscribers what has come by the bus. */
  deliver(replica: Replica, message: EventSent | BytesSent): void {
    const { node } = this.context
    const { appId, channel } = splitName(replica.name)
    const app = node.app(appId)
    if (!app) return
    // They may have had it on the node that they have come from.
    if (replica.blind.size > 0) dismissBlind(replica)
    if (message.type === 'bytes') return node.deliver({ ...message.sent, app, channel }, NOT_KEPT)
    const { sent, position, rev } = message
    this.#deliver(replica, { ...sent, app, channel }, position, rev)
  }

  #deliver(replica: Replica, event: EventPublication, position: Position, rev: number): void {
    if (event.origin === 'backend') {
      replica.position = position
      if (replica.isCache) this.lasts.keep(replica, event, position)
      if (replica.readings.size > 0) noteReadings(replica, event, position, rev)
    }
    this.context.node.deliver(event, position)
  }
}

/** An event that is not kept has ended the stream. */
function noteReadings(
  { readings }: Replica,
  publication: BackendPublication,
  { epoch, offset }: Position,
  rev: number,
): void {
  const event = { offset, publication, at: 0, bytes: bytesOf(publication), row: 0 }
  for (const reading of readings)
    if (offset === 0) reading.forget(rev)
    else reading.add(event, epoch, rev)
}

/** What an app may have in one partition: more than a 64th, since chance does not spread evenly. */
const shareOf = (most: number): number => Math.ceil((most / PARTITIONS) * 1.25) + 4

function readAnswer({ once }: BackendPublication, [epoch, offset]: KeptAnswer): Position | Refusal {
  if (epoch === REUSED) return keyReused(once!.key)
  return offset === 0 ? NOT_KEPT : { epoch, offset }
}

/** Type, head and data, as `scripts/publish.lua` takes them. */
function argumentsOf(
  publication: Publication,
): readonly [type: string, head: string, data: string] {
  const head = headFieldsOf(publication)
  if (publication.type === 'bytes')
    return ['b', headOf([...head, Buffer.from(publication.data).toString('base64')]), '']
  const { origin, data } = publication
  return [origin === 'backend' ? 'e' : 'x', headOf(head), data ?? '']
}

const headFieldsOf = ({ event, except, sender }: Publication): readonly unknown[] => [
  event,
  except ?? null,
  sender ?? null,
]

const headOf = (fields: readonly unknown[]): string => `,${JSON.stringify(fields).slice(1, -1)}`
