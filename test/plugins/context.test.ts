/** What plugins are given: a clock, a store, routes, counters, and a name in the log. */
import { describe, expect, test } from 'bun:test'
import { definePlugin, reject } from 'carillon/plugin'
import { throwSecret, makePlugin, start } from '../harness'

describe('what plugins are given', () => {
  test('timers end with the server, and their faults are the plugin’s own', async () => {
    const ticks: number[] = []
    const plugin = definePlugin({
      name: 'timer',
      carillon: 1,
      setup({ clock, signal }) {
        clock.every(1000, () => void ticks.push(clock.now()))
        clock.after(1500, throwSecret)
        const cancel = clock.after(500, throwSecret)
        cancel()
        signal.addEventListener('abort', () => ticks.push(-1))
        return {}
      },
    })
    const server = await start({ plugins: [plugin], now: 0 })
    server.advance(2500)
    expect(ticks).toEqual([1000, 2000])
    expect(server.log.lines).toMatchObject([
      { message: 'plugin failed', fields: { plugin: 'timer', hook: 'timer' } },
    ])
    await server.stop()
    server.advance(5000)
    expect(ticks).toEqual([1000, 2000, -1])
    expect(server.clock.pending).toBe(0)
  })

  test('a store that lasts, by plugin, with values that expire', async () => {
    const stores: Record<string, Parameters<ReturnType<typeof keeper>['setup']>[0]['store']> = {}
    const keeper = (name: string) =>
      definePlugin({
        name,
        carillon: 1,
        setup: ({ store }) => {
          stores[name] = store
          return {}
        },
      })
    await using server = await start({ plugins: [keeper('one'), keeper('two')], now: 1000 })
    const { one, two } = stores
    one!.set('k', { deep: [1] })
    one!.set('soon', 'gone', { expiresAt: 2000 })
    expect(two!.get('k')).toBeUndefined()
    expect(one!.entries()).toEqual([
      ['k', { deep: [1] }],
      ['soon', 'gone'],
    ])
    expect(one!.entries({ limit: 1 })).toEqual([['k', { deep: [1] }]])
    expect(one!.entries({ after: 'k', limit: 1 })).toEqual([['soon', 'gone']])
    expect(one!.entries({ after: 'j' })).toHaveLength(2)
    expect(one!.entries({ after: 'soon' })).toEqual([])
    server.advance(1000)
    expect(one!.get('soon')).toBeUndefined()
    expect(one!.entries()).toEqual([['k', { deep: [1] }]])
    one!.set('k', 2)
    expect(one!.get('k')).toBe(2)
    one!.delete('k')
    expect(one!.entries()).toEqual([])
    expect(() => one!.set('k', undefined)).toThrow('must be JSON')
  })

  test('routes of its own, for everybody or for the admin only, with request ids', async () => {
    const plugin = definePlugin({
      name: 'routes',
      carillon: 1,
      setup({ routes, adminOnly }) {
        routes
          .get('/open', () => ({ open: true }))
          .get('/closed', () => 'secret', { beforeHandle: adminOnly })
        return {}
      },
    })
    await using server = await start({ plugins: [plugin, makePlugin('none', {})] })
    const open = await server.http('/plugins/routes/open')
    expect([open.status, await open.json()]).toEqual([200, { open: true }])
    expect(open.headers.get('x-request-id')).toBeString()
    const stranger = await server.http('/plugins/routes/closed')
    expect([stranger.status, await stranger.text()]).toEqual([401, ''])
    expect(await (await server.admin('/plugins/routes/closed')).text()).toBe('secret')
    const { paths, tags } = await (await server.http('/swagger/json')).json()
    expect(paths).toHaveProperty('/plugins/routes/open')
    expect(tags).toContainEqual({ name: 'routes', description: 'Routes of the plugin routes' })
    expect(tags).not.toContainEqual(expect.objectContaining({ name: 'none' }))
  })

  test('counters, reported with what its hooks have done', async () => {
    const plugin = definePlugin({
      name: 'counting',
      carillon: 1,
      setup({ counter }) {
        const badWords = counter('bad_words', 'events with a bad word')
        return {
          publish(_, { event }) {
            if (event !== 'bad') return
            badWords.count++
            return reject('bad word')
          },
        }
      },
    })
    await using server = await start({ plugins: [plugin] })
    for (const name of ['good', 'bad']) await server.trigger({ channel: 'room', name, data: '' })
    const { data } = await (await server.admin('/api/admin/plugins')).json()
    expect(data).toEqual([
      {
        name: 'counting',
        hooks: [
          {
            name: 'publish',
            kind: 'filter',
            calls: 2,
            refusals: 1,
            faults: 0,
            busy_ms: expect.any(Number),
          },
        ],
        counters: [{ name: 'bad_words', about: 'events with a bad word', count: 1 }],
        gauges: [],
        settings: null,
      },
    ])
  })
})
