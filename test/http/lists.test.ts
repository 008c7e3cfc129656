/** Lists are written in slices: so many entries between two turns, and every one once. */
import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { Slices } from '../../src/core/slices'
import type { Core } from '../../src/core/core'
import type { ChannelName } from '../../src/core/types'
import { SPREAD, WideMap } from '../../src/core/wide-map'
import { respondWithList, respondWithLists, type List } from '../../src/http/lists'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from '../credentials'
import type { OneNodeEngine } from '../../src/core/one-node'
import { start, type TestServer } from '../harness'

const ENVELOPE = ['[', ']'] as const
/** What a turn of three milliseconds may take, where each step takes one. */
const ENTRIES_PER_TURN = 3 * 32

/** Slices of a clock that each step moves by a millisecond. */
function slow(): { readonly core: Core; readonly slices: Slices; pass(): void } {
  let now = 0
  const slices = new Slices(
    () => now,
    (cause) => {
      throw cause
    },
  )
  let written = 0
  const pass = (): void => void (++written % 32 === 0 && now++)
  return { core: { slices } as Core, slices, pass }
}

describe('a long list', () => {
  test('of occupied channels is copied once, in one pass', async () => {
    const names = new WideMap<ChannelName, number>()
    for (let n = 0; n < 2 * SPREAD.from; n++) names.set(`channel-${n}` as ChannelName, n)
    const { core } = slow()
    using copy = spyOn(Array, 'from')
    const jsonOf = (name: ChannelName): string => JSON.stringify(name)
    const answer = await respondWithList(core, { items: names.keys(), envelope: ENVELOPE, jsonOf })
    expect(new Set((await answer.json()) as string[]).size).toBe(names.size)
    expect(copy.mock.calls).toEqual([])
  })

  test('is written in as many turns as it needs', async () => {
    const { core, slices, pass } = slow()
    const items = Array.from({ length: 1000 }, (_, index) => index)
    const jsonOf = (index: number): string => {
      pass()
      return String(index)
    }
    const answer = await respondWithList(core, { items, envelope: ENVELOPE, jsonOf })
    expect(await answer.json()).toEqual(items)
    expect(slices.turns).toBeGreaterThanOrEqual(Math.floor(1000 / ENTRIES_PER_TURN) - 1)
  })

  test('that comes some at a time is read in as many turns, and no further than it is sent', async () => {
    const { core, slices, pass } = slow()
    let pages = 0
    const items = (): number[] => {
      pass()
      return pages++ < 40_000 ? [pages] : []
    }
    const answer = await respondWithList(core, { items, envelope: ENVELOPE, jsonOf: String })
    expect(pages).toBeLessThan(20_000)
    expect(await answer.json()).toEqual(Array.from({ length: 40_000 }, (_, index) => index + 1))
    expect(slices.turns).toBeGreaterThan(40_000 / ENTRIES_PER_TURN - 10)
  })

  test('may be followed by others in the same answer, however long', async () => {
    const { core, slices, pass } = slow()
    const lists = [1000, 0, 500].map((length, at): List<unknown> => {
      const [before, after] = [at === 0 ? '{' : ',', at === 2 ? '}' : '']
      return {
        items: Array.from({ length }, (_, index) => index),
        envelope: [`${before}"${at}":[`, `]${after}`],
        jsonOf: (index) => {
          pass()
          return String(index)
        },
      }
    })
    const answer = (await (await respondWithLists(core, lists)).json()) as Record<string, number[]>
    expect(Object.values(answer).map(({ length }) => length)).toEqual([1000, 0, 500])
    expect(answer['2']!.at(-1)).toBe(499)
    expect(slices.turns).toBeGreaterThanOrEqual(Math.floor(1500 / ENTRIES_PER_TURN) - 1)
  })

  test('holds what there was, once, and not what has gone meanwhile', async () => {
    const { core, pass } = slow()
    const items = new Set(Array.from({ length: 500 }, (_, index) => index))
    const jsonOf = (index: number): string | undefined => {
      pass()
      return items.has(index) ? String(index) : undefined
    }
    const answering = respondWithList(core, { items, envelope: ENVELOPE, jsonOf })
    items.delete(0) // it is written already
    items.delete(499)
    items.delete(498)
    items.add(498)
    items.add(1000)
    const answer = await answering
    expect(await answer.json()).toEqual(Array.from({ length: 499 }, (_, index) => index))
  })

  test('that cannot be written is a fault of who asked', async () => {
    const { core } = slow()
    const jsonOf = (): never => {
      throw new Error('no text')
    }
    await expect(respondWithList(core, { items: [1], envelope: ENVELOPE, jsonOf })).rejects.toThrow(
      'no text',
    )
  })

  test('that is longer than a part is sent part by part, as far as it is read', async () => {
    const { core } = slow()
    let written = 0
    const items = Array.from({ length: 100_000 }, (_, index) => index)
    const jsonOf = (index: number): string => {
      written++
      return String(index)
    }
    const answer = await respondWithList(core, { items, envelope: ENVELOPE, jsonOf })
    const reader = answer.body!.getReader()
    await reader.read()
    const { value } = await reader.read()
    expect(value!.length).toBeGreaterThan(65_000)
    expect(value!.length).toBeLessThan(70_000)
    expect(written).toBeLessThan(60_000) // one part more than was read
    await reader.cancel()
    const whole = await respondWithList(core, { items, envelope: ENVELOPE, jsonOf })
    expect(await whole.json()).toEqual(items)
  })

  test('whose later part cannot be written is cut off', async () => {
    const { core } = slow()
    const items = Array.from({ length: 100_000 }, (_, index) => index)
    const jsonOf = (index: number): string => {
      if (index === 90_000) throw new Error('no text')
      return String(index)
    }
    const answer = await respondWithList(core, { items, envelope: ENVELOPE, jsonOf })
    await expect(answer.text()).rejects.toThrow('no text')
  })

  test.each([
    [[], '[]'],
    [[1], '[1]'],
    [[1, 2, 1], '[1,2,1]'],
    [[2, 2], '[]'],
    [[2, 1, 2, 3], '[1,3]'],
  ])('of %j is %s', async (items, text) => {
    const jsonOf = (item: number) => (item === 2 && items[0] === 2 ? undefined : String(item))
    const answer = await respondWithList(slow().core, { items, envelope: ENVELOPE, jsonOf })
    expect(await answer.text()).toBe(text)
    expect(answer.headers.get('content-type')).toBe('application/json;charset=utf-8')
  })
})

describe('what the routes list', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await start()
    const { engine, apps } = server.core
    const { presence } = engine as OneNodeEngine
    const app = apps.byId('1')!
    const enter = (name: string, userId?: string): void => {
      const arrival = userId && { member: { userId, userInfo: undefined }, meta: {} }
      presence.enter(app, name as ChannelName, (arrival || undefined) as never)
    }
    for (const name of ['__proto__', 'room-1', 'room-2', 'room-2', '#server-to-user-7']) enter(name)
    for (let index = 0; index < 100; index++) enter('presence-crowd', `user "${index}"`)
  })
  afterAll(() => server.stop())

  const crowd = Array.from({ length: 100 }, (_, index) => ({ id: `user "${index}"` }))
  const LISTS: readonly (readonly [path: string, headers: object, query: string, text: string])[] =
    [
      [
        '/channels',
        {},
        '',
        '{"channels":{"__proto__":{},"room-1":{},"room-2":{},"presence-crowd":{}}}',
      ],
      [
        '/channels',
        {},
        'filter_by_prefix=room-&info=subscription_count',
        '{"channels":{"room-1":{"subscription_count":1},"room-2":{"subscription_count":2}}}',
      ],
      [
        '/channels',
        {},
        'filter_by_prefix=presence-&info=user_count,subscription_count',
        '{"channels":{"presence-crowd":{"user_count":100,"subscription_count":100}}}',
      ],
      ['/channels', {}, 'filter_by_prefix=nobody', '{"channels":{}}'],
      ['/channels/presence-crowd/users', {}, '', JSON.stringify({ users: crowd })],
      [
        '/api/apps/test-app/channels/presence-crowd/users',
        makeBasicAuth(PAIR),
        '',
        JSON.stringify({ data: crowd }),
      ],
      [
        '/api/apps/test-app/channels',
        makeBasicAuth(PAIR),
        '',
        '{"data":[{"name":"__proto__","subscription_count":1},{"name":"room-1","subscription_count":1},{"name":"room-2","subscription_count":2},{"name":"presence-crowd","subscription_count":100}]}',
      ],
    ]
  test.each(LISTS)('%s %j %s', async (path, headers, query, text) => {
    const answer = path.startsWith('/api/')
      ? await server.http(path, { headers: headers as Record<string, string> })
      : await server.signed('GET', path, '', query)
    expect([answer.status, await answer.text()]).toEqual([200, text])
    expect(answer.headers.get('x-request-id')).toBeString()
  })

  test('what is longer than a part is whole, and ends with who leaves in the middle', async () => {
    const { engine, apps, slices } = server.core
    const { presence } = engine as OneNodeEngine
    const app = apps.byId('1')!
    const names = Array.from({ length: 20_000 }, (_, index) => `long-${index}` as ChannelName)
    for (const name of names) presence.enter(app, name, undefined)
    const request = () => server.signed('GET', '/channels', '', 'filter_by_prefix=long-')
    const whole = (await (await request()).json()) as { channels: object }
    expect(Object.keys(whole.channels).toSorted()).toEqual(names.toSorted())

    const reader = (await request()).body!.getReader()
    await reader.read()
    await reader.cancel()
    const next = (await (await request()).json()) as { channels: object }
    expect(Object.keys(next.channels)).toHaveLength(20_000)
    expect(slices.isIdle).toBeTrue()
    for (const name of names) presence.exit(app, name, undefined)
  })

  test('apps are listed as they are shown', async () => {
    const headers = makeBasicAuth(ADMIN_PAIR)
    const [all, one] = await Promise.all(
      ['', '/test-app'].map(async (path) =>
        (await server.http(`/api/admin/apps${path}`, { headers })).json(),
      ),
    )
    expect(all).toEqual({ data: [one.data] })
  })
})
