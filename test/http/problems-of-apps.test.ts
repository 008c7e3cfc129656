/** What is wrong right now with an app: each row of APP_PROBLEMS is caused in a real server, and who sees it. */
import { expect, test } from 'bun:test'
import { APP_PROBLEMS } from '../../src/http/problem-rows-of-apps'
import { start, type TestServer } from '../harness'
import { makeToken } from '../tokens'
import { occupy, passTime } from '../webhooks/receiver'
import { connect, expectCauses, readProblems, says, seen } from './problems'

/** Nobody listens there. */
const HOOK = { url: 'http://user:secret@127.0.0.1:9/hook?key=secret' }

test('webhooks that fail, are late, are given up, are lost; refusals and a full app', async () => {
  const config = { webhooks: [HOOK], webhookFlushMs: 0, webhookMaxStoredPerEndpoint: 3 }
  await using server = await start({ config, limits: { maxConnectionsPerApp: 2 } })
  const of = { app: { id: '1', slug: 'test-app', name: 'Test App' } }
  const wait = (ms: number) => () => passTime(server, ms, 2000)
  await expectCauses(server, [
    ['app_nearly_full', () => connect(server, 2), { ...of, text: says(/^2 .* of 2 that/) }],
    [
      'app_refused',
      () => connect(server, 21),
      {
        ...of,
        text: says(/^21 refusals .* app_over_quota 21$/),
        remedy: says(/max_connections/),
      },
    ],
    [
      'webhooks_fail',
      async () => {
        occupy(server, 'a', 'b')
        await wait(20_000)()
      },
      {
        ...of,
        text: says(/^2 webhook events .*: http:\/\/\S*127\.0\.0\.1:9\/hook\S* \(\w+\): /),
      },
    ],
    ['webhooks_late', wait(120_000), { ...of, text: says(/^2 .* the oldest for/) }],
    ['webhooks_given_up', wait(240_000), { ...of, remedy: says(/apps\/test-app\/webhooks/) }],
    [
      'webhooks_paused',
      () => pause(server),
      { ...of, severity: 'notice', text: says(/^1 endpoint of webhooks is paused: http/) },
    ],
    ['webhooks_lost', () => occupy(server, 'c', 'd', 'e'), { ...of, severity: 'critical' }],
  ])
  expect(JSON.stringify(await readProblems(server))).not.toContain('secret')
})

async function pause(server: TestServer): Promise<void> {
  const path = '/api/admin/apps/test-app/webhooks'
  const { data } = await (await server.admin(`${path}/deliveries`)).json()
  await server.admin(`${path}/endpoints/${data.endpoints[0].id}/pause`, { method: 'POST' })
}

test('is told to whoever sees it, and nothing of others or the server', async () => {
  await using server = await start({ limits: { maxConnectionsPerApp: 1 } })
  server.addTenant().gauges.connections = 1
  await connect(server, 1)
  const { token: own } = await makeToken(server, { name: 'own', scope: 'app:test-app' })
  const { token: creator } = await makeToken(server, { name: 'creator', scope: 'create' })
  const all = await readProblems(server)
  const slugs = all.problems.flatMap(({ app }) => app?.slug ?? [])
  expect(slugs).toEqual(['test-app', 'other'])
  expect(all.count).toBe(4)
  const seenByOwn = await readProblems(server, own)
  expect(seenByOwn.problems.map(({ code, app }) => [code, app?.slug])).toEqual([
    ['app_nearly_full', 'test-app'],
  ])
  expect(await readProblems(server, creator)).toMatchObject({ count: 0, problems: [] })
})

test('each row has been caused', () => {
  const codes = APP_PROBLEMS.map(({ code }) => code)
  expect(codes.filter((code) => !seen.has(code))).toEqual([])
})
