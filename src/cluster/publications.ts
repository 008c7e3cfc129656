/** Publications: events on their way to Redis, which numbers them, and from there to this node's subscribers. */
import { REFUSE, type Refusal } from '../core/errors'
import type { Publication } from '../core/messages'
import { NOT_KEPT } from '../core/stream'
import type { Position } from '../core/types'
import { runOn, type Context } from './context'
import { RedisAway } from './link'
import { fullNameOf, splitName } from './names'
import type { Replica } from './replica'
import { SCRIPTS } from './scripts'
import type { BytesSent, EventSent } from './wire'

export class Publications {
  constructor(readonly context: Context) {}

  /** Done when Redis has taken it. */
  async publish(publication: Publication): Promise<Position | Refusal> {
    const { app, channel } = publication
    try {
      await runOn(
        this.context,
        SCRIPTS.publish,
        fullNameOf(app, channel),
        ...argumentsOf(publication),
      )
      return NOT_KEPT
    } catch (cause) {
      if (!(cause instanceof RedisAway)) throw cause
      return cause.maySent ? REFUSE.engineSilent : REFUSE.engineAway
    }
  }

  /** Gives to this node's subscribers what has come by the bus. */
  deliver(replica: Replica, { sent }: EventSent | BytesSent): void {
    const { appId, channel } = splitName(replica.name)
    const app = this.context.node.app(appId)
    if (app) this.context.node.deliver({ ...sent, app, channel }, NOT_KEPT)
  }
}

/** Type, head and data, as `scripts/publish.lua` takes them. */
function argumentsOf(
  publication: Publication,
): readonly [type: string, head: string, data: string] {
  const { event, except, sender } = publication
  const head = [event, except ?? null, sender ?? null]
  if (publication.type === 'bytes')
    return ['b', headOf([...head, Buffer.from(publication.data).toString('base64')]), '']
  const { origin, data } = publication
  return [origin === 'backend' ? 'e' : 'x', headOf(head), data ?? '']
}

const headOf = (fields: readonly unknown[]): string => `,${JSON.stringify(fields).slice(1, -1)}`
