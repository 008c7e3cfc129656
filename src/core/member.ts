/**
 * Member: the identity of a subscriber of a presence channel, cut out of the signed text and passed on as it
 * is written: JavaScript's numbers cannot hold every id and price of other languages.
 * Spec: contract 3.3 (5) and 3.5.
 */
import type { User } from './connection'
import { isRefusal, refusal, type Refusal } from './errors'
import { jsonText, MAX_LEVELS, copyText, textOfJson } from './json'
import { scanObject, type JsonSlice } from './json-scan'
import type { Limits } from './limits'
import type { SubscribeCommand } from './messages'
import type { ChannelName, JsonText, Member, UserId } from './types'

type Identity = {
  readonly id: JsonText | undefined
  readonly info: JsonSlice | undefined
}

/** The member as signed for this channel, else as signed in. */
export function parseMember(
  { app, channel, channelData }: SubscribeCommand,
  user: User | undefined,
): Member | Refusal {
  if (!channelData && !user) return invalid(`channel_data is required to subscribe to ${channel}`)
  const found = channelData ? identityIn(channelData) : user && { ...user, id: jsonText(user.id) }
  if (!found) return notAnObject(channel)
  const id = parseId(found.id, app.limits)
  if (isRefusal(id)) return id
  const userInfo = parseInfo(found.info, app.limits)
  return typeof userInfo === 'string' ? { ...id, userInfo } : userInfo
}

function identityIn(channelData: string): Identity | undefined {
  const found = scanObject(channelData, ['user_id', 'user_info'])
  return found && { id: found[0]?.text, info: found[1] }
}

const invalid = (message: string): Refusal => refusal('channel_data_invalid', message)

/** Signed text that is no object is refused: it may be the end of a longer channel name. */
export const notAnObject = (channel: ChannelName): Refusal =>
  invalid(`channel_data supplied to ${channel} is invalid - it must be a JSON object`)

/** An integer as JSON writes it, without exponent and fraction. */
const INTEGER = /^-?\d{1,20}$/

/** A string or an integer: `1` and `"1"` are the same user. */
function parseId(
  json: JsonText | undefined,
  { maxUserIdChars }: Limits,
): Pick<Member, 'userId' | 'userIdJson'> | Refusal {
  const isText = json?.startsWith('"') === true
  if (!json || json === '""' || !(isText || INTEGER.test(json)))
    return invalid(
      'user_id supplied to presence subscription is invalid - it must be a non-empty string or an integer of at most 20 digits',
    )
  const userId = copyText(textOfJson(json) as UserId)
  if (userId.length > maxUserIdChars)
    return invalid(
      `user_id of ${userId.length} characters exceeds the limit of ${maxUserIdChars} (maxUserIdChars)`,
    )
  return { userId, userIdJson: isText ? jsonText(userId) : copyText(json) }
}

const NO_INFO = '{}' as JsonText

/** `user_info` as it was written: its numbers and the order of its keys are the backend's. */
function parseInfo(info: JsonSlice | undefined, { maxUserInfoBytes }: Limits): JsonText | Refusal {
  const userInfo = info?.text
  if (!info || !userInfo || userInfo === 'null') return NO_INFO
  if (!info.isObject)
    return invalid(
      'user_info supplied to presence subscription is invalid - if supplied it must be a type of hash',
    )
  if (info.depth > MAX_LEVELS)
    return invalid('user_info supplied to presence subscription is nested too deep')
  const bytes = Buffer.byteLength(userInfo)
  if (bytes <= maxUserInfoBytes) return copyText(userInfo)
  return invalid(
    `user_info of ${bytes} bytes exceeds the limit of ${maxUserInfoBytes} bytes (maxUserInfoBytes)`,
  )
}
