/** Publications: events on their way to Redis, which numbers and keeps them, and from there to this node's subscribers. */
import type { EngineParts } from '../core/engine'
import { REFUSE, type Refusal } from '../core/errors'
import { boundsOf, ruleOf } from '../core/history-rules'
import type { BackendPublication, Publication } from '../core/messages'
import { keyReused, KEPT_MS } from '../core/repeats'
import { bytesOf, NOT_KEPT } from '../core/stream'
import type { Position } from '../core/types'
import { runOn, type Context } from './context'
import type { Lasts } from './lasts'
import { RedisAway } from './link'
import { fullNameOf, splitName } from './names'
import type { Replica } from './replica'
import { SCRIPTS } from './scripts'
import type { Snapshot } from './snapshot'
import type { BytesSent, EventSent } from './wire'

/** Epoch and offset, or that the key belongs to another request. */
type KeptAnswer = readonly [epoch: string, offset: number]
const REUSED = 'REUSED'

export class Publications {
  constructor(
    readonly context: Context,
    readonly parts: Pick<EngineParts, 'kindOf' | 'cacheTtlMs'>,
    readonly lasts: Lasts,
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
      await runOn(this.context, SCRIPTS.publish, name, ...argumentsOf(publication))
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
    ]
  }

  /** Takes what a snapshot has of the events. */
  adopt(replica: Replica, { last, lastMs, position }: Snapshot): void {
    replica.position = position
    if (replica.isCache) this.lasts.adopt(replica, last, lastMs)
  }

  forget(replica: Replica): void {
    replica.position = NOT_KEPT
    replica.last = undefined
  }

  /** Gives to this node's subscribers what has come by the bus. */
  deliver(replica: Replica, message: EventSent | BytesSent): void {
    const { node } = this.context
    const { appId, channel } = splitName(replica.name)
    const app = node.app(appId)
    if (!app) return
    if (message.type === 'bytes') return node.deliver({ ...message.sent, app, channel }, NOT_KEPT)
    const { sent, position } = message
    const publication = { ...sent, app, channel }
    if (publication.origin === 'backend') {
      replica.position = position
      if (replica.isCache) this.lasts.keep(replica, publication, position)
    }
    node.deliver(publication, position)
  }
}

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
