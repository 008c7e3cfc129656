import { expect, test } from 'bun:test'
import { timingSafeEqual, KeyPair, subscriptionToSign } from '../../src/core/signature'
import type { ChannelName, SocketId } from '../../src/core/types'
import { SIGNATURES, type SignatureVector } from '../vectors/signatures'
import { K1, K2 } from '../vectors/requests'

const textOf = ({ socketId, channel, channelData }: SignatureVector): string =>
  subscriptionToSign(socketId as SocketId, channel as ChannelName, channelData)

test.each(SIGNATURES)('$id: $channel is signed as published', (vector) => {
  const pair = new KeyPair('key', vector.secret ?? K1.appSecret)
  expect(pair.sign(textOf(vector))).toBe(vector.digest)
  expect(pair.verify(textOf(vector), vector.digest)).toBe(true)
})

test.each(SIGNATURES)('$id: nothing else passes for it', (vector) => {
  const pair = new KeyPair('key', vector.secret ?? K1.appSecret)
  const text = textOf(vector)
  expect(pair.verify(text, vector.digest.toUpperCase())).toBe(false)
  expect(pair.verify(text, vector.digest.slice(0, -1))).toBe(false)
  expect(pair.verify(text, '')).toBe(false)
  expect(pair.verify(`${text} `, vector.digest)).toBe(false)
  expect(pair.verify(text.replace(vector.socketId, '1.2'), vector.digest)).toBe(false)
  expect(new KeyPair('key', K2.appSecret).verify(text, vector.digest)).toBe(false)
})

test('an empty channel_data is signed like none', () => {
  const text = subscriptionToSign('1.1' as SocketId, 'private-a' as ChannelName, '')
  expect(text).toBe('1.1:private-a')
})

test('texts of different length or alphabet are unequal, not an error', () => {
  expect(timingSafeEqual('abc', 'ab')).toBe(false)
  expect(timingSafeEqual('abc', 'abé')).toBe(false)
  expect(timingSafeEqual('', '')).toBe(true)
})
