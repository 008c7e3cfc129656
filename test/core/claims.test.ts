/** Claims: the first has it for ten seconds, or until the channel is vacated. */
import { expect, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { Claims } from '../../src/core/cache'
import type { ChannelName } from '../../src/core/types'
import { ManualClock } from '../../kit/clock'

const APP = { id: '1' } as App
const channel = (name: string) => name as ChannelName

test('a claim holds for ten seconds, and a sweep forgets it then', () => {
  const clock = new ManualClock(0)
  const claims = new Claims(clock)
  const claim = (name: string) => claims.claim(APP, channel(name), 'miss')
  expect([claim('a'), claim('a'), claim('b')]).toEqual([true, false, true])
  claims.forget(APP, channel('b'), 'miss')
  expect([claim('a'), claim('b')]).toEqual([false, true])
  clock.advance(9999)
  claims.sweep()
  expect(claims.size).toBe(2)
  clock.advance(1)
  claims.sweep()
  expect(claims.size).toBe(0)
  expect(claim('a')).toBe(true)
})
