/** A server full of texts that would run something in an operator's browser, were they taken for HTML. */
import { definePlugin, reject } from '../../../src/plugin'
import type { TestServer } from '../../harness'
import { bearer, makeToken } from '../../tokens'
import { Receiver, startWithWebhooks } from '../../webhooks/receiver'

/** A text that says where it was put, and reports to the page's console if it runs. */
export const evil = (where: string): string =>
  `"'><img src=x onerror="console.error('ran')"><script>console.error('ran')</script>${where}`

export type HostileServer = AsyncDisposable & {
  readonly server: TestServer
  /** Of the connection that brings the texts. */
  readonly socketId: string
  /** Lets everything happen once more, for pages that show only what happens while somebody looks. */
  stir(): Promise<void>
}

const plugin = definePlugin({
  name: 'hostile',
  carillon: 1,
  setup(context) {
    context.counter('seen', evil('counter'), ['label']).of({ label: evil('label') }).count++
    return {
      subscribe: (_, { channel }) =>
        channel === 'refused-room' ? reject(evil('refusal')) : undefined,
    }
  },
})

export async function startHostile(): Promise<HostileServer> {
  const receiver = new Receiver()
  receiver.answer = () => new Response(evil('webhook answer'), { status: 500 })
  const server = await startWithWebhooks([{ url: receiver.url }], { plugins: [plugin] })
  await server.change({ clientEvents: true })
  const { id: _, token } = await makeToken(server, { name: evil('token'), scope: 'all' })
  await server.adminHttp('/api/admin/apps', {
    method: 'POST',
    headers: { ...bearer(token), 'content-type': 'application/json' },
    body: JSON.stringify({ app: { name: evil('app') } }),
  })
  await server.adminHttp('/api/admin/sessions', {
    method: 'POST',
    headers: { ...bearer(token), 'user-agent': evil('browser') },
  })
  const path = `/app/${server.app.key}?protocol=7&client=${encodeURIComponent(evil('client'))}&version=${encodeURIComponent(evil('version'))}`
  const headers = { 'user-agent': evil('user agent') }
  const client = await server.raw({ path, headers })
  server.signin(client, JSON.stringify({ id: evil('user'), user_info: { name: evil('name') } }))
  await client.next('the sign-in')
  const member = { user_id: evil('user'), user_info: { name: evil('user info') } }
  await server.signedIn(client, 'presence-room', member)
  await server.signedIn(client, 'private-room')

  const stir = async (): Promise<void> => {
    const data = JSON.stringify({ text: evil('data') })
    await server.trigger({ channel: 'private-room', name: evil('event'), data })
    client.send({ event: `client-${evil('client event')}`, channel: 'private-room', data })
    client.subscribe('private-other', evil('auth'))
    client.subscribe(evil('channel'))
    client.subscribe('refused-room')
    const query = new URLSearchParams({
      auth_key: server.app.key,
      auth_timestamp: String(Math.floor(server.clock.now() / 1000)),
      auth_version: '1.0',
      auth_signature: evil('signature'),
    })
    await server.http(`/apps/1/channels?${query}`)
    await server.raw({ path: `/app/${encodeURIComponent(evil('key'))}`, hello: false })
    await client.heard()
    server.advance(1000)
  }
  await stir()
  const stop = async (): Promise<void> => {
    await client[Symbol.asyncDispose]()
    await server.stop()
    await receiver[Symbol.asyncDispose]()
  }
  return { server, socketId: client.socketId, stir, [Symbol.asyncDispose]: stop }
}
