/**
 * rate-limit as it is set up: options that make no sense, rows that are off, the contract of
 * plugins.
 */
import { describe, expect, test } from 'bun:test'
import { rateLimit, type RateLimitOptions } from '../../plugins/rate-limit'
import { testPlugin } from 'carillon/plugin-kit'
import { PONG, start } from '../harness'

test('a row that is off costs nothing: its hooks are not there', async () => {
  const off = { connects: false, frames: false, subscribes: false } as const
  const none = rateLimit({ ...off, refused: false })
  await using server = await start({ plugins: [none] })
  const hooks = Object.values(server.core.hooks).flat()
  expect(hooks).toEqual([])
  await using client = await server.raw()
  client.send({ event: 'pusher:ping', data: {} })
  expect(await client.next()).toBe(PONG)
})

describe('options that make no sense stop the start with one line', () => {
  const MISTAKES: readonly (readonly [options: unknown, says: string])[] = [
    [{ frame: false }, 'frame=false: expected one of connects, frames, clientEvents, subscribes, '],
    [{ frames: 5 }, 'frames=5: expected false or a rate such as { perSecond: 100 }'],
    [{ frames: true }, 'frames=true: expected false or a rate such as { perSecond: 100 }'],
    [{ frames: {} }, 'frames={}: expected perSecond or perMinute, a number above 0'],
    [
      { frames: { perSecond: 0 } },
      'frames.perSecond=0: expected perSecond or perMinute, a number above 0',
    ],
    [
      { frames: { perMinute: '5' } },
      'frames.perMinute="5": expected perSecond or perMinute, a number above 0',
    ],
    [
      { frames: { perSecond: 1, perMinute: 1 } },
      'frames.perMinute=1: expected nothing beside perSecond',
    ],
    [{ frames: { perSecond: 1, burst: 0 } }, 'frames.burst=0: expected a number of at least 1'],
    [{ frames: { perHour: 1 } }, 'frames.perHour=1: expected one of perSecond, perMinute, burst'],
    [{ apps: [] }, 'apps=[]: expected an object'],
    [{ apps: { '7': 1 } }, 'apps.7=1: expected an object'],
    [
      { apps: { '7': { connects: false } } },
      'apps.7.connects=false: expected one of frames, clientEvents, subscribes, refused, triggers, reads',
    ],
    [
      { apps: { '7': { reads: { perSecond: -1 } } } },
      'apps.7.reads.perSecond=-1: expected perSecond or perMinute, a number above 0',
    ],
    [{ exempt: '10.0.0.0/8' }, 'exempt="10.0.0.0/8": expected a list'],
    [
      { exempt: ['::1', '10.0.0.0/33'] },
      'exempt[1]="10.0.0.0/33": expected an address, or a network such as 10.0.0.0/8',
    ],
    [{ exempt: ['localhost'] }, 'exempt[0]="localhost": expected an address'],
    [{ maxKeys: 0 }, 'maxKeys=0: expected a whole number above 0'],
    [{ store: {} }, 'store={}: expected an object with a function take'],
  ]
  test.each(MISTAKES)('%j', async (options, says) => {
    const reason = await start({ plugins: [rateLimit(options as RateLimitOptions)] }).then(
      () => 'it started',
      (error: Error) => error.message,
    )
    expect(reason).toStartWith(`plugin rate-limit: ${says}`)
    expect(reason).not.toContain('\n')
  })
})

test('it keeps the contract of plugins', async () => {
  await testPlugin(rateLimit())
  const few = { perMinute: 1 }
  await testPlugin(rateLimit({ frames: few, subscribes: few, triggers: few, reads: few }))
})
