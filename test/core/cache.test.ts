/** The last events of cache channels: no more bytes of an app than it may have, whatever comes and goes. */
import { expect, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { Cache } from '../../src/core/cache'
import { jsonText } from '../../src/core/json'
import type { BackendPublication } from '../../src/core/messages'
import type { ChannelName } from '../../src/core/types'

const limits = { maxCachedChannels: 100, maxCachedBytes: 10_000 }
const makeApp = () => ({ limits }) as unknown as App

/** Counts 1205 bytes. */
const publicationIn = (app: App, channel: string, data = 'x'.repeat(1000)) =>
  ({ app, channel: channel as ChannelName, event: 'e', data: jsonText(data) }) as BackendPublication

test('the oldest are dropped where an app has too many bytes, and another app keeps its own', () => {
  const [app, other] = [makeApp(), makeApp()]
  const cache = new Cache(1000)
  const kept = (of: App) =>
    Array.from(cache.all(0)).flatMap(({ publication }) =>
      publication.app === of ? [String(publication.channel)] : [],
    )
  cache.put(publicationIn(other, 'a'), 0)
  for (const channel of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'a'])
    cache.put(publicationIn(app, channel), 0)
  expect(kept(app)).toEqual(['b', 'c', 'd', 'e', 'f', 'g', 'h', 'a'])
  cache.put(publicationIn(app, 'i'), 0)
  expect(kept(app)).toEqual(['c', 'd', 'e', 'f', 'g', 'h', 'a', 'i'])
  cache.put(publicationIn(app, 'j', '\u0001'.repeat(1000)), 0) // six characters each
  expect(kept(app)).toEqual(['h', 'a', 'i', 'j'])
  cache.forget(app, 'j' as ChannelName)
  for (const channel of ['k', 'l', 'm', 'n', 'o', 'p']) cache.put(publicationIn(app, channel), 0)
  expect(kept(app)).toEqual(['a', 'i', 'k', 'l', 'm', 'n', 'o', 'p'])
  expect(kept(other)).toEqual(['a'])
  for (const _ of cache.dropExpired(1000));
  for (const channel of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    cache.put(publicationIn(app, channel), 0)
  expect(kept(app)).toHaveLength(8)
})
