/**
 * Replies of the Phoenix socket: `phx_reply`, `phx_close`, refusals as frames and as close codes.
 * Spec: phoenix contract 1.3 to 1.5, 1.8, 2.5.
 */
import type { ErrorCode, Refusal } from '../core/errors'
import { jsonText } from '../core/json'
import type { Peer, Reply } from '../core/messages'
import type { ChannelName, Frame, JsonText, Ref } from '../core/types'
import { closeFields } from './codec'
import { wireError } from './errors'
import { NULL, readRef, withoutJoin, writeFrame, type PhoenixVersion } from './phoenix-frames'
import { statePayload } from './phoenix-payloads'

/** `joinResponse` is the mount's. */
export function reply(
  version: PhoenixVersion,
  answer: Reply,
  joinResponse: (channel: ChannelName) => string,
): Frame | undefined {
  switch (answer.type) {
    case 'subscribed':
      return writeOk(version, answer.ref, joinResponse(answer.channel))
    case 'pong':
      return writeOk(version, answer.ref && withoutJoin(answer.ref))
    case 'unsubscribed':
    case 'accepted':
      return writeOk(version, answer.ref)
    case 'ended':
      // Frames of V1 name no generation: this one would close the subscription that replaced it.
      return version === 1 && answer.replaced ? undefined : writeClose(version, answer.ref)
    case 'present': {
      const payload = statePayload(answer.members)
      const news = { topic: readRef(answer.ref).topic, event: 'presence_state', payload }
      return writeFrame(version, news, { join: generationOf(answer.ref), message: NULL })
    }
    case 'established':
    case 'cache_miss':
    case 'watched':
    case 'signed_in':
    case 'ping':
      return undefined
  }
}

function writeOk(version: PhoenixVersion, ref: Ref | undefined, response = '{}') {
  return ref && writeReply(version, ref, `{"status":"ok","response":${response}}`)
}

const writeReply = (version: PhoenixVersion, ref: Ref, payload: string): Frame =>
  writeFrame(version, { topic: readRef(ref).topic, event: 'phx_reply', payload }, readRef(ref))

function writeClose(version: PhoenixVersion, ref: Ref | undefined): Frame | undefined {
  if (!ref) return undefined
  const own = generationOf(ref)
  const news = { topic: readRef(ref).topic, event: 'phx_close', payload: '{}' }
  return writeFrame(version, news, { join: own, message: own })
}

/** The generation of a subscription: its `join_ref`, or the join's own `ref` where it has none. */
function generationOf(ref: Ref): JsonText {
  const { join, message } = readRef(ref)
  return join === NULL ? message : join
}

// ---------------------------------------------------------------- refusals

/**
 * None where the socket closes, since its code tells; none without a ref, since nothing waits for a reply.
 * `mountResponse` takes the place of ours.
 */
export function refusalFrames(
  version: PhoenixVersion,
  refused: Refusal,
  peer: Peer,
  mountResponse: string | undefined,
): readonly Frame[] {
  const { ref, code } = refused
  if (!ref || typeof wireError(code).phoenix === 'number') return []
  const response = mountResponse ?? describeRefusal(refused, peer)
  return [writeReply(version, ref, `{"status":"error","response":${response}}`)]
}

/** An auth endpoint signs the socket id, which these clients learn in no other way. */
const CODES_WITH_SOCKET_ID: readonly ErrorCode[] = ['auth_missing']

function describeRefusal({ code, message, subscribing }: Refusal, { id }: Peer): string {
  const isCrash = code === 'internal' && subscribing !== undefined
  const reason = jsonText(isCrash ? 'join crashed' : String(wireError(code).phoenix ?? message))
  const socketId = CODES_WITH_SOCKET_ID.includes(code) ? `,"socket_id":"${id}"` : ''
  return `{"reason":${reason}${socketId}}`
}

export const closeFrame = ({ code, message }: Refusal) =>
  closeFields(wireError(code).phoenix, message)
