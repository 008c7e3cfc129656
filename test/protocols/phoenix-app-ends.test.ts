/**
 * An app that is renamed or switched off takes its topics along: those that are joined, and those that
 * a plugin still thinks about; numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { allow } from '../../src/plugin'
import { Inbox, makePlugin, start } from '../harness'
import { connectPhoenix, makeReply } from '../phoenix'

const ENDS = [
  ['is renamed', '{"app":{"name":"another name"}}'],
  ['is switched off', '{"app":{"active":false}}'],
]

describe('the topics of an app', () => {
  test.each(ENDS)('are over when it %s (trap 27)', async (_, body = '') => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    await client.join('public:test-app')
    expect((await server.admin('/api/admin/apps/test-app', { method: 'PATCH', body })).status).toBe(
      200,
    )
    expect(await client.next()).toEqual(['1', '1', 'public:test-app', 'phx_close', {}])
    const again = await client.request('2', '2', 'public:test-app', 'phx_join', {})
    expect(again[4]).toEqual({ status: 'error', response: { reason: 'unmatched topic' } })
  })
})

describe('while a plugin thinks about a join', () => {
  test.each(ENDS)(
    'the app may end: who waits for a scope of one that %s is refused (trap 27)',
    async (_, body = '') => {
      const { promise, resolve: done } = Promise.withResolvers<void>()
      const calls = new Inbox<void>()
      const plugin = makePlugin('slow', {
        subscribe: async () => {
          calls.push()
          await promise
        },
      })
      await using server = await start({ plugins: [plugin] })
      await using client = await connectPhoenix(server)
      client.send('1', '1', 'public:test-app', 'phx_join', {})
      await calls.next()
      await server.admin('/api/admin/apps/test-app', { method: 'PATCH', body })
      done()
      const refused = makeReply(['1', '1', 'public:test-app'], 'error', {
        reason: 'unmatched topic',
      })
      expect(await client.next()).toEqual(refused)
      expect(server.core.groups.subscriptionsIn(server.core.apps.byId('1')!)).toEqual([])
    },
  )

  test.each([
    ['is renamed', { slug: 'other' }],
    ['is switched off', { active: false }],
  ])(
    'the app may be another: who waits for a private scope of one that %s is refused',
    async (_, change) => {
      const decision = Promise.withResolvers<ReturnType<typeof allow>>()
      const calls = new Inbox<string>()
      const slow = makePlugin('slow', {
        authorize: (_, { channel }) => {
          calls.push(channel)
          return decision.promise
        },
      })
      await using server = await start({ plugins: [slow] })
      await using client = await connectPhoenix(server)
      client.send('1', '1', 'private:test-app', 'phx_join', {})
      await calls.next()
      const body = JSON.stringify({ app: change })
      await server.admin('/api/admin/apps/test-app', { method: 'PATCH', body })
      decision.resolve(allow())
      const refused = { reason: 'unmatched topic' }
      expect(await client.next()).toEqual(
        makeReply(['1', '1', 'private:test-app'], 'error', refused),
      )
    },
  )
})
