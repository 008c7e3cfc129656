/** What hooks may answer: a refusal, other data, headers, a backend vouched for. */
import { describe, expect, test } from 'bun:test'
import { reject, replace, type Hooks } from 'carillon/plugin'
import type { HookName } from '../../src/core/plugin'
import { throwSecret, makePlugin, start, type RawClient, type TestServer } from '../harness'

describe('a plugin that rejects', () => {
  const REJECTING: readonly (readonly [hook: HookName, often: boolean, seen: string])[] = [
    ['upgrade', false, '4009 no'],
    ['upgrade', true, '4100 no'],
    ['connect', false, '4009 no'],
    ['connect', true, '4100 no'],
    ['frame', false, '{"code":null,"message":"no"}'],
    ['frame', true, '{"code":4301,"message":"no"}'],
    ['subscribe', false, '{"type":"AuthError","error":"no","status":403}'],
    ['subscribe', true, '{"type":"LimitReached","error":"no","status":429}'],
    ['authorize', false, '{"type":"AuthError","error":"no","status":403}'],
    ['authorize', true, '{"type":"LimitReached","error":"no","status":429}'],
    ['signin', false, '{"code":null,"message":"no"}'],
    ['signin', true, '{"code":4301,"message":"no"}'],
    ['clientEvent', false, '{"code":null,"message":"no"}'],
    ['clientEvent', true, '{"code":4301,"message":"no"}'],
    ['authenticate', false, '401 no'],
    ['authenticate', true, '429 no retry-after 7'],
    ['request', false, '403 no'],
    ['request', true, '429 no retry-after 7'],
    ['publish', false, '403 no'],
    ['publish', true, '429 no retry-after 7'],
  ]
  test.each(REJECTING)('in %s (too often: %j) is answered %s', async (hook, often, seen) => {
    const no = () => (often ? reject('no', { retryAfterSeconds: 7 }) : reject('no'))
    await using server = await start({ plugins: [makePlugin('strict', { [hook]: no })] })
    expect(await answerTo(hook, server)).toBe(seen)
    const { stats } = server.core.hooks[hook][0]!
    expect([stats.calls, stats.refusals, stats.faults]).toEqual([1, 1, 0])
  })

  /** What a client or a backend receives that runs into a hook. */
  async function answerTo(hook: HookName, server: TestServer): Promise<string> {
    if (hook === 'upgrade' || hook === 'connect') {
      await using client = await server.raw({ hello: false })
      const { code, reason } = await client.closing()
      return `${code} ${reason}`
    }
    const provoke = PROVOKE[hook]
    if (provoke) {
      await using client = await server.raw()
      await provoke(client, server)
      return JSON.stringify((await client.nextJson()).data)
    }
    const response = await server.trigger({ channel: 'room', name: 'e', data: '' })
    const wait = response.headers.get('retry-after')
    return `${response.status} ${(await response.text()).trim()}${wait ? ` retry-after ${wait}` : ''}`
  }

  type Provoke = (client: RawClient, server: TestServer) => Promise<void>
  const PROVOKE: { readonly [Name in HookName]?: Provoke } = {
    frame: async (client) => client.send({ event: 'pusher:ping' }),
    signin: async (client, server) => server.signin(client, '{"id":"7"}'),
    subscribe: async (client) => client.subscribe('room'),
    authorize: async (client) => client.subscribe('private-room'),
    clientEvent: async (client, server) => {
      await server.signedIn(client, 'private-room')
      client.send({ event: 'client-e', channel: 'private-room', data: 1 })
    },
  }
})

test.each([
  [0.2, '1'],
  [-5, '1'],
  [1e300, '9007199254740991'],
])('a delay of %p seconds is a header of digits: %s', async (retryAfterSeconds, header) => {
  const no = () => reject('no', { retryAfterSeconds })
  await using server = await start({ plugins: [makePlugin('strict', { publish: no })] })
  const response = await server.trigger({ channel: 'room', name: 'e', data: '' })
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, header])
})

describe('filters', () => {
  const makeAppending = (name: string): ReturnType<typeof makePlugin> =>
    makePlugin(name, {
      publish: (_, { data }) => replace(JSON.parse(data) + name),
      clientEvent: (_, { data }) => replace({ ...JSON.parse(data!), [name]: true }),
    })

  test('replace the data, each what the one before made of it', async () => {
    await using server = await start({ plugins: [makeAppending('a'), makeAppending('b')] })
    await using sender = await server.raw()
    await using receiver = await server.raw()
    for (const client of [sender, receiver]) await server.signedIn(client, 'private-room')
    await server.trigger({ channel: 'private-room', name: 'e', data: 'x' })
    expect((await receiver.nextJson()).data).toBe('xab')
    sender.send({ event: 'client-e', channel: 'private-room', data: { n: 1 } })
    expect((await receiver.nextJson()).data).toEqual({ n: 1, a: true, b: true })
  })

  test('may not make it larger than the app’s limit, nor no JSON', async () => {
    const plugins = [
      makePlugin('a', {
        publish: (_, { event }) => replace(event === 'big' ? 'é'.repeat(6) : throwSecret),
      }),
    ]
    await using server = await start({ plugins, limits: { maxEventDataBytes: 10 } })
    const big = await server.trigger({ channel: 'room', name: 'big', data: '' })
    expect([big.status, await big.text()]).toEqual([
      413,
      'The data content of this event exceeds the allowed maximum (12 of 10 bytes)\n',
    ])
    const odd = await server.trigger({ channel: 'room', name: 'odd', data: '' })
    expect(odd.status).toBe(500)
  })

  test('add headers to answers, good and bad', async () => {
    const seen: string[] = []
    const plugin = makePlugin('a', {
      request: ({ area }) => (area === 'read' ? reject('no') : undefined),
      response: ({ method, area, app }, { status }) => {
        seen.push(`${method} ${area} ${app?.id} ${status}`)
        return { 'x-quota': '5' }
      },
    })
    await using server = await start({ plugins: [plugin] })
    const answers = [
      await server.trigger({ channel: 'room', name: 'e', data: '' }),
      await server.signed('GET', '/channels'),
      await server.admin('/api/admin/apps'),
      await server.http('/api/admin/apps'),
      await server.http('/apps/1/channels'),
    ]
    expect(answers.map(({ headers }) => headers.get('x-quota'))).toEqual(['5', '5', '5', '5', null])
    expect(seen).toEqual([
      'POST trigger 1 200',
      'GET read 1 403',
      'GET admin undefined 200',
      'GET admin undefined 401',
    ])
  })
})

test('authenticate vouches for a backend in place of the signature', async () => {
  const hooks: Hooks = {
    authenticate: async ({ headers, app, body }) => {
      const token = headers.get('authorization')
      if (token === null) return undefined
      return token === `Bearer ${app?.slug} ${body.length}`
        ? { type: 'allow', channelData: undefined }
        : reject('unknown token')
    },
  }
  await using server = await start({ plugins: [makePlugin('bearer', hooks)] })
  await using client = await server.raw()
  await client.subscribed('room')
  const body = '{"name":"e","channel":"room","data":"x"}'
  const trigger = (path: string, authorization?: string) =>
    server.http(path, {
      method: 'POST',
      body,
      headers: authorization === undefined ? {} : { authorization },
    })
  const right = 'Bearer test-app 0' // whoever is asked is not read yet
  expect((await trigger('/apps/1/events', right)).status).toBe(200)
  expect((await client.nextJson()).data).toBe('x')
  const wrong = await trigger('/apps/1/events', 'Bearer x')
  expect([wrong.status, await wrong.text()]).toEqual([401, 'unknown token\n'])
  expect((await trigger('/apps/1/events')).status).toBe(401)
  expect((await trigger('/apps/77/events', right)).status).toBe(404)
  const signed = await server.trigger({ channel: 'room', name: 'e', data: 'signed' })
  expect(signed.status).toBe(200)
  const app = server.core.apps.byId('1')!
  server.core.apps.change(app, { ...app.record, active: false }, 0)
  expect((await trigger('/apps/1/events', right)).status).toBe(403)
})
