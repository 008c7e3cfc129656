import { expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config'
import { channelKind, parseChannelName } from '../../src/core/channel'
import { CHANNEL_KINDS, INVALID_NAMES, VALID_NAMES } from '../vectors/channels'

const { limits } = readConfig({})

test.each(CHANNEL_KINDS)(
  '$name: auth $auth',
  ({ name, auth, presence = false, clientEvents = false, cache = false }) => {
    expect(channelKind(name)).toMatchObject({ auth, presence, clientEvents, cache })
  },
)

test.each(VALID_NAMES)('%p is a channel name', (name) => {
  expect(parseChannelName(name, limits)).toBe(name as never)
})

test.each(INVALID_NAMES)('%s is no channel name', (_, name) => {
  expect(parseChannelName(name, limits)).toMatchObject({ code: 'channel_invalid' })
})

test('a name that is too long is told its length and the limit', () => {
  expect(parseChannelName('x'.repeat(201), limits)).toMatchObject({
    message: 'Invalid channel name: 201 characters exceed the limit of 200 (maxChannelNameChars)',
  })
})
