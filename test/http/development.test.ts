/** What signs in place of a backend, on this machine, for the app with the published credentials. */
import { describe, expect, test } from 'bun:test'
import { PusherClient, start, startCommon, type TestServer } from '../harness'

const LOCAL_PAGE = 'http://localhost:5173'

type Ask = {
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly path?: string
}

function ask(
  server: TestServer,
  { body, headers = {}, path = '/pusher/auth' }: Ask,
): Promise<Response> {
  const isForm = body instanceof URLSearchParams
  return server.http(path, {
    method: 'POST',
    headers: { ...(!isForm && { 'content-type': 'application/json' }), ...headers },
    body: isForm ? body : JSON.stringify(body),
  })
}

describe('on this machine', () => {
  const serverOf = startCommon()

  test.each(['private-room', 'presence-room', 'private-cache-room'])(
    'pusher-js gets into %s by its defaults',
    async (name) => {
      const server = serverOf()
      await using client = new PusherClient(server, {
        options: {
          channelAuthorization: {
            endpoint: `http://127.0.0.1:${server.port}/pusher/auth`,
            transport: 'ajax',
          },
        },
      })
      const channel = client.pusher.subscribe(name)
      const subscribed = Promise.withResolvers<{ readonly myID?: string }>()
      channel.bind('pusher:subscription_succeeded', subscribed.resolve)
      channel.bind('pusher:subscription_error', subscribed.reject)
      const { myID } = await subscribed.promise
      if (name.startsWith('presence-')) expect(myID).toStartWith('guest-')
    },
  )

  test('signs a user in, who says who it is', async () => {
    const server = serverOf()
    await using client = await server.raw()
    const body = { socket_id: client.socketId, user_id: 'ann', user_info: { name: 'Ann' } }
    const answer = await ask(server, { body, path: '/pusher/user-auth' })
    const data = (await answer.json()) as { readonly auth: string; readonly user_data: string }
    expect(JSON.parse(data.user_data)).toEqual({ id: 'ann', user_info: { name: 'Ann' } })
    client.send({ event: 'pusher:signin', data })
    expect((await client.nextJson()).event).toBe('pusher:signin_success')
  })

  test('signs for the app that the socket is of', async () => {
    const server = serverOf()
    const created = await server.admin('/api/admin/apps', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ app: { name: 'another app' } }),
    })
    const { data: app } = (await created.json()) as { readonly data: { readonly key: string } }
    await using client = await server.raw({ path: `/app/${app.key}?protocol=7` })
    const body = new URLSearchParams({ socket_id: client.socketId, channel_name: 'private-a' })
    const { auth } = (await (await ask(server, { body })).json()) as { readonly auth: string }
    expect(auth).toStartWith(`${app.key}:`)
    await client.subscribed('private-a', auth)
  })

  const SOCKET = '1234.5678'
  const WRONG: readonly (readonly [body: unknown, says: string])[] = [
    [{}, 'socket_id'],
    [[], 'Expected a form or a JSON object'],
    [{ socket_id: 1, channel_name: 'private-a' }, 'socket_id'],
    [{ socket_id: '1.2:private-b', channel_name: 'private-a' }, 'socket_id'],
    [{ socket_id: `${'1'.repeat(50)}.2`, channel_name: 'private-a' }, 'socket_id'],
    [{ socket_id: SOCKET }, 'Invalid channel name'],
    [{ socket_id: SOCKET, channel_name: 'private-a:b' }, 'Invalid channel name'],
    [{ socket_id: SOCKET, channel_name: 'room' }, 'without a signature'],
    [{ socket_id: SOCKET, channel_name: 'private-encrypted-a' }, 'master key'],
    [{ socket_id: SOCKET, channel_name: '#server-to-user-a' }, 'without a signature'],
  ]
  test.each(WRONG)('%j is told what is wrong', async (body, says) => {
    const answer = await ask(serverOf(), { body })
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(says)])
  })

  test('pages of this machine may read it, and no other ones', async () => {
    const server = serverOf()
    const body = { socket_id: SOCKET, channel_name: 'private-a' }
    const local = await ask(server, { body, headers: { origin: LOCAL_PAGE } })
    expect([local.status, local.headers.get('access-control-allow-origin')]).toEqual([
      200,
      LOCAL_PAGE,
    ])
    for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null']) {
      const other = await ask(server, { body, headers: { origin } })
      expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null])
      const method = { method: 'OPTIONS', headers: { origin } }
      const preflight = await server.http('/pusher/auth', method)
      expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
    }
    const asked = { origin: LOCAL_PAGE, 'access-control-request-headers': 'x-csrf-token' }
    const preflight = await server.http('/pusher/auth', { method: 'OPTIONS', headers: asked })
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'x-csrf-token',
    ])
  })

  test.each([{ 'x-forwarded-for': '203.0.113.1' }, { host: 'push.example.org' }])(
    'a request that is not local is refused: %j',
    async (headers) => {
      const body = { socket_id: SOCKET, channel_name: 'private-a' }
      expect((await ask(serverOf(), { body, headers })).status).toBe(403)
    },
  )
})

test('a server with credentials of its own signs for nobody', async () => {
  const config = { appId: '7', appKey: 'k7', appSecret: 's7' }
  await using server = await start({ config })
  for (const path of ['/pusher/auth', '/pusher/user-auth']) {
    const body = { socket_id: '1.2', channel_name: 'private-a' }
    expect((await ask(server, { body, path })).status).toBe(404)
  }
})
