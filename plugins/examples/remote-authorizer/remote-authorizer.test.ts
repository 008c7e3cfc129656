import { expect, test } from 'bun:test'
import { Inbox, serve, testPlugin, within } from 'carillon/plugin-kit'
import { remoteAuthorizer } from './remote-authorizer'

/** A backend that lets `s3cret` into private-lab; it answers once `open` has resolved. */
class Backend implements AsyncDisposable {
  readonly questions = new Inbox<unknown>()
  readonly aborted = new Inbox<true>()
  open: Promise<void> = Promise.resolve()
  readonly #server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      request.signal.addEventListener('abort', () => this.aborted.push(true))
      const question = (await request.json()) as { channel: string; token: string }
      this.questions.push(question)
      await this.open
      const isAllowed = question.token === 's3cret' && question.channel === 'private-lab'
      return new Response(null, { status: isAllowed ? 200 : 403 })
    },
  })

  get plugin() {
    return remoteAuthorizer({ url: this.#server.url.href, keepSeconds: 60 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }
}

test('keeps the contract of plugins', async () => {
  await using backend = new Backend()
  await testPlugin(backend.plugin)
})

test('lets in whom the backend allows, and asks it once', async () => {
  await using backend = new Backend()
  await using kit = await serve({ plugins: [backend.plugin] })
  await using ada = await kit.raw()
  await ada.subscribed('private-lab', 's3cret')
  await using tab = await kit.raw()
  await tab.subscribed('private-lab', 's3cret')
  expect(await backend.questions.next()).toEqual({
    app: kit.app.id,
    channel: 'private-lab',
    token: 's3cret',
  })
  expect(backend.questions.unread).toEqual([])

  kit.advance(61_000)
  await using later = await kit.raw()
  await later.subscribed('private-lab', 's3cret')
  await backend.questions.next()
})

test('refuses whom the backend does not, and leaves signatures alone', async () => {
  await using backend = new Backend()
  await using kit = await serve({ plugins: [backend.plugin] })
  await using eve = await kit.raw()
  eve.subscribe('private-lab', 'guess')
  expect(await eve.next()).toContain('The backend does not allow it')
  await using signed = await kit.raw()
  await kit.signedIn(signed, 'private-office')
})

test('takes a question back when the client has gone', async () => {
  await using backend = new Backend()
  await using kit = await serve({ plugins: [backend.plugin] })
  const { promise, resolve } = Promise.withResolvers<void>()
  backend.open = promise
  const client = await kit.raw()
  client.subscribe('private-lab', 's3cret')
  await backend.questions.next()
  await client[Symbol.asyncDispose]()
  await within('the end of the request', backend.aborted.next())
  resolve()
})

test('refuses when the backend cannot be asked', async () => {
  const plugin = remoteAuthorizer({ url: 'http://127.0.0.1:1/' })
  await using kit = await serve({ plugins: [plugin] })
  await using client = await kit.raw()
  client.subscribe('private-lab', 's3cret')
  expect(await client.next()).toContain('The backend cannot be asked')
})
