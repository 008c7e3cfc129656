/**
 * Member: who a subscriber is in a presence channel, found in the text that was signed and passed on as
 * it stands there: numbers of JavaScript have no room for every id and price that others write.
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
  /** JSON: text or an integer, unless it is wrong. */
  readonly id: JsonText | undefined
  readonly info: JsonSlice | undefined
}

/** As signed for this channel, else as signed in. */
export function parseMember(
  { app, channel, channelData }: SubscribeCommand,
  user: User | undefined,
): Member | Refusal {
  if (!channelData && !user) return invalid(`channel_data is required to subscribe to ${channel}`)
  const said = channelData ? identityIn(channelData) : user && { ...user, id: jsonText(user.id) }
  if (!said) return notAnObject(channel)
  const id = parseId(said.id, app.limits)
  if (isRefusal(id)) return id
  const userInfo = parseInfo(said.info, app.limits)
  return typeof userInfo === 'string' ? { ...id, userInfo } : userInfo
}

function identityIn(channelData: string): Identity | undefined {
  const found = scanObject(channelData, ['user_id', 'user_info'])
  return found && { id: found[0]?.text, info: found[1] }
}

const invalid = (message: string): Refusal => refusal('channel_data_invalid', message)

/** What was signed for a channel must say who it is about: other text may be the end of a longer name. */
export const notAnObject = (channel: ChannelName): Refusal =>
  invalid(`channel_data supplied to ${channel} is invalid - it must be a JSON object`)

/** As JSON writes it, so that no exponent and no fraction is one. */
const INTEGER = /^-?\d{1,20}$/

/** Text, or an integer digit for digit: `1` and `"1"` are the same user. */
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

/** As it was written: its numbers and the order of its keys are the backend's. */
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
