/** Apps while Redis is away, after it has lost all, and of nodes that had others before. */
import { expect, test } from 'bun:test'
import { makeTemporary } from '../../http/admin-requests'
import { nextLook, type TestServer, waitUntil } from '../../harness'
import { startProxy } from '../../redis/proxy'
import { startRedis } from '../../redis/redis'
import { bearer, makeToken } from '../../tokens'
import { describeWith } from '../programs'
import { APPS, appsOf, ask, makeApp, slugsOf, startNode, until, waitForSlugs } from './node'

/** The app that each node has by itself. */
const OWN = 'test-app'

describeWith('redis-server', 'apps of nodes', () => {
  test('one that was cut off refuses changes, reads on, and has all when it is back', async () => {
    await using redis = await startRedis()
    await using proxy = await startProxy(redis.port)
    await using there = await startNode(redis.url)
    await using cut = await startNode(redis.urlAt(proxy.port))
    for (const name of ['first', 'second']) await makeApp(there, `the ${name}`)
    await waitForSlugs(cut, [OWN, 'the-first', 'the-second'])
    await proxy.cut()
    await waitUntil('it knows', () => cut.core.readiness.reasonOf('redis') !== undefined)
    expect(await ask(cut, 'POST', APPS, { app: { name: 'refused' } })).toMatchObject({
      status: 503,
    })
    expect((await ask(cut, 'GET', `${APPS}/the-first`)).status).toBe(200)
    await ask(there, 'DELETE', `${APPS}/the-first`)
    await ask(there, 'PATCH', `${APPS}/the-second`, { app: { name: 'the changed' } })
    await makeApp(there, 'the third')
    await proxy.heal()
    await waitForSlugs(cut, [OWN, 'the-changed', 'the-third'])
    expect(await appsOf(cut)).toEqual(await appsOf(there))
  })

  test('a Redis that has lost all is filled once, with what the one has that has the most', async () => {
    await using redis = await startRedis()
    await using one = await startNode(redis.url)
    await using two = await startNode(redis.url)
    await using three = await startNode(redis.url)
    const nodes = [one, two, three]
    await makeApp(one, 'the first')
    await ask(two, 'PATCH', `${APPS}/${OWN}`, { app: { client_events: false } })
    await ask(three, 'POST', '/api/admin/tokens', { token: { name: 'ci', scope: 'read' } })
    const { body: before } = await until(
      () => ask(one, 'GET', '/api/admin/audit'),
      ({ body }) => body.data.length === 3,
    )
    await redis.cli('flushall')
    const refused = await ask(two, 'POST', APPS, { app: { name: 'too early' } })
    expect(refused.status).toBe(503)
    const filled = 'redis: had no apps, and has those of this node'
    const fillers = () =>
      nodes.filter(({ log }) => log.lines.some(({ message }) => message === filled))
    await waitUntil('it is filled', () => fillers().length > 0)
    const made = async (): Promise<boolean> =>
      (await ask(two, 'POST', APPS, { app: { name: 'the second' } })).status === 201
    while (!(await made())) await nextLook()
    for (const node of nodes) {
      await waitForSlugs(node, [OWN, 'the-first', 'the-second'])
      expect(node.core.apps.byId('1')?.record.clientEvents).toBe(false)
      const { data } = (await ask(node, 'GET', '/api/admin/audit')).body
      expect(data.slice(1)).toEqual(before.data)
    }
    expect(fillers()).toHaveLength(1)
    const [first = [], ...others] = await Promise.all(nodes.map(appsOf))
    for (const other of others) expect(other).toEqual(first)
  })

  test('a Redis that has lost the last changes gets them again', async () => {
    await using redis = await startRedis()
    await using one = await startNode(redis.url)
    await using two = await startNode(redis.url)
    await makeApp(one, 'the first')
    await redis.cli('save')
    await makeApp(two, 'the second')
    await ask(one, 'DELETE', `${APPS}/the-first`)
    await waitForSlugs(two, [OWN, 'the-second'])
    await redis.stop()
    await redis.start()
    await using late = await startNode(redis.url)
    await waitForSlugs(late, [OWN, 'the-second'])
    for (const node of [one, two]) expect(slugsOf(node)).toEqual([OWN, 'the-second'])
  })

  test('a server starts with what it had while Redis is away, and Redis gets that', async () => {
    await using file = makeTemporary()
    await using redis = await startRedis()
    const config = { databasePath: file.path }
    {
      await using alone = await startNode(redis.url, { ...config, redisUrl: undefined })
      await makeApp(alone, 'of before')
    }
    {
      await using first = await startNode(redis.url, config)
      await using second = await startNode(redis.url)
      await waitForSlugs(second, [OWN, 'of-before'])
      await makeApp(second, 'of both')
      await waitForSlugs(first, [OWN, 'of-before', 'of-both'])
    }
    {
      await using alone = await startNode(redis.url, { ...config, redisUrl: undefined })
      await makeApp(alone, 'of meanwhile')
    }
    await redis.stop()
    await using again = await startNode(redis.url, config)
    expect(slugsOf(again)).toEqual(['of-before', 'of-both', 'of-meanwhile', OWN])
    expect((await again.http('/ready')).status).toBe(503)
    expect((await ask(again, 'POST', APPS, { app: { name: 'refused' } })).status).toBe(503)
    await redis.start()
    await using other = await startNode(redis.url)
    await waitForSlugs(other, [OWN, 'of-before', 'of-both', 'of-meanwhile'])
  })

  test('a server with apps of its own brings those that clash with none, and keeps the others aside', async () => {
    await using file = makeTemporary()
    await using redis = await startRedis()
    const config = { databasePath: file.path }
    let own: { readonly id: number }
    {
      await using alone = await startNode(redis.url, { ...config, redisUrl: undefined })
      await makeApp(alone, 'only here')
      own = await makeApp(alone, 'the same')
    }
    await using there = await startNode(redis.url)
    const theirs = await makeApp(there, 'the same')
    await using joined = await startNode(redis.url, config)
    await waitForSlugs(there, [OWN, 'only-here', 'the-same'])
    expect(slugsOf(joined)).toEqual(['only-here', OWN, 'the-same'])
    expect(joined.core.apps.bySlug('the-same')?.id as string).toBe(String(theirs.id))
    const aside = joined.log.lines.filter(({ message }) => message.includes('set_aside'))
    expect(aside.map(({ fields }) => fields)).toEqual([{ kind: 'app', id: String(own.id) }])
    expect(await appsOf(joined)).toEqual(await appsOf(there))
  })

  test('servers of another name have apps of their own', async () => {
    await using redis = await startRedis()
    await using one = await startNode(redis.url, { cluster: 'one' })
    await using other = await startNode(redis.url, { cluster: 'other' })
    await using same = await startNode(redis.url, { cluster: 'other' })
    await makeApp(one, 'the same name')
    await makeApp(other, 'the same name')
    await makeApp(other, 'a marker')
    await waitForSlugs(same, ['a-marker', OWN, 'the-same-name'])
    expect(slugsOf(one)).toEqual([OWN, 'the-same-name'])
    const { token } = await makeToken(other, { name: 'ci', scope: 'all' })
    const statusOf = async (node: TestServer): Promise<number> =>
      (await node.http(APPS, { headers: bearer(token) })).status
    await waitUntil('it is known', () => same.core.tokens.countLive(same.clock.now()) === 1)
    expect([await statusOf(same), await statusOf(one)]).toEqual([200, 401])
    await using client = await one.raw()
    await client.subscribed('room')
    await other.trigger({ channel: 'room', name: 'e', data: 'elsewhere' })
    await one.trigger({ channel: 'room', name: 'e', data: 'here' })
    expect((await client.nextJson()).data).toBe('here')
  })
})
