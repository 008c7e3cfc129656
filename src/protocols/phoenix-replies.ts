/**
 * What the Phoenix socket answers: `phx_reply`, `phx_close`, refusals in words and as close codes.
 * Spec: phoenix contract 1.3 to 1.5, 1.8, 2.5.
 */
import type { ErrorCode, Refusal } from '../core/errors'
import { jsonText } from '../core/json'
import type { Peer, Reply } from '../core/messages'
import type { ChannelName, Frame, JsonText, Ref } from '../core/types'
import { cut, REASON_BYTES } from './codec'
import { wireError } from './errors'
import {
  NULL,
  readRef,
  withoutJoin,
  writeFrame,
  type PhoenixNews,
  type PhoenixVersion,
} from './phoenix-frames'
import { statePayload } from './phoenix-payloads'

/** `joined` is the response to a join on the mount. */
export function reply(
  version: PhoenixVersion,
  answer: Reply,
  joined: (channel: ChannelName) => string,
): Frame | undefined {
  switch (answer.type) {
    case 'subscribed':
      return ok(version, answer.ref, joined(answer.channel))
    case 'pong':
      return ok(version, answer.ref && withoutJoin(answer.ref))
    case 'unsubscribed':
    case 'accepted':
      return ok(version, answer.ref)
    case 'ended':
      // Frames of V1 name no generation: this one would close the subscription that replaced it.
      return version === 1 && answer.replaced ? undefined : ended(version, answer.ref)
    case 'present':
      return pushed(version, answer.ref, {
        event: 'presence_state',
        payload: statePayload(answer.members),
      })
    case 'established':
    case 'cache_miss':
    case 'watched':
    case 'signed_in':
    case 'ping':
      return undefined
  }
}

function ok(version: PhoenixVersion, ref: Ref | undefined, response = '{}'): Frame | undefined {
  return ref && answered(version, ref, `{"status":"ok","response":${response}}`)
}

const answered = (version: PhoenixVersion, ref: Ref, payload: string): Frame =>
  writeFrame(version, { topic: readRef(ref).topic, event: 'phx_reply', payload }, readRef(ref))

/** To one subscriber, of itself: the generation is said, and there is no message that it answers. */
function pushed(
  version: PhoenixVersion,
  ref: Ref,
  { event, payload }: Pick<PhoenixNews, 'event' | 'payload'>,
): Frame {
  return writeFrame(
    version,
    { topic: readRef(ref).topic, event, payload },
    { join: ownRef(ref), message: NULL },
  )
}

/** What the subscription is called: where a join says no generation, its own number is it. */
function ownRef(ref: Ref): JsonText {
  const { join, message } = readRef(ref)
  return join === NULL ? message : join
}

function ended(version: PhoenixVersion, ref: Ref | undefined): Frame | undefined {
  if (!ref) return undefined
  const own = ownRef(ref)
  const news = { topic: readRef(ref).topic, event: 'phx_close', payload: '{}' }
  return writeFrame(version, news, { join: own, message: own })
}

// ---------------------------------------------------------------- refusals

/** What closes the socket is said by its code alone, and nobody asked for what has no ref. `own` is the mount's response. */
export function refusalFrames(
  version: PhoenixVersion,
  why: Refusal,
  peer: Peer,
  own: string | undefined,
): readonly Frame[] {
  const { ref, code } = why
  if (!ref || typeof wireError(code).phoenix === 'number') return []
  const response = own ?? reasonOf(why, peer)
  return [answered(version, ref, `{"status":"error","response":${response}}`)]
}

/** Who has nothing to show is told what an auth endpoint has to sign: these clients never learn their id. */
const NAMES_ID: readonly ErrorCode[] = ['auth_missing']

function reasonOf({ code, message, subscribing }: Refusal, { id }: Peer): string {
  const isCrash = code === 'internal' && subscribing !== undefined
  const reason = jsonText(isCrash ? 'join crashed' : String(wireError(code).phoenix ?? message))
  const socketId = NAMES_ID.includes(code) ? `,"socket_id":"${id}"` : ''
  return `{"reason":${reason}${socketId}}`
}

export function closeFrame({
  code,
  message,
}: Refusal): { code: number; reason: string } | undefined {
  const { phoenix } = wireError(code)
  return typeof phoenix === 'number'
    ? { code: phoenix, reason: cut(message, REASON_BYTES) }
    : undefined
}
