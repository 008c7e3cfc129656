/** The gate connect: what it refuses and is shown, and what waits for its answer. */
import { describe, expect, test } from 'bun:test'
import { reject } from '../../src/plugin'
import { throwSecret, makePlugin, start } from '../harness'

describe('connect', () => {
  test('may refuse: 4009, with the text of the plugin', async () => {
    const plugin = makePlugin('a', { connect: async () => reject('not from here') })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw({ hello: false })
    expect(await client.next()).toBe(
      '{"event":"pusher:error","data":{"code":4009,"message":"not from here"}}',
    )
    expect(await client.closing()).toEqual({ code: 4009, reason: 'not from here' })
  })

  test('sees the request', async () => {
    const seen = Promise.withResolvers<(string | null)[]>()
    const plugin = makePlugin('a', {
      connect: ({ app }, { headers, url, remoteAddress }) =>
        seen.resolve([
          app?.id ?? null,
          headers.get('origin'),
          new URL(url).pathname,
          remoteAddress,
        ]),
    })
    await using server = await start({ plugins: [plugin] })
    await using _client = await server.raw({ headers: { origin: 'https://example.org' } })
    expect(await seen.promise).toEqual([
      '1',
      'https://example.org',
      '/app/test-app-fake-key',
      '127.0.0.1',
    ])
  })

  test('an app that ends while a plugin thinks takes nobody in', async () => {
    const [called, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()]
    const connect = () => {
      called.resolve()
      return opened.promise
    }
    await using server = await start({ plugins: [makePlugin('a', { connect })] })
    const { apps } = server.core
    const app = apps.byId('1')!
    await using client = await server.raw({ hello: false })
    await called.promise
    apps.change(app, { ...app.record, active: false }, 0)
    opened.resolve(undefined)
    expect((await client.closing()).code).toBe(4003)
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('a throw tells the client to try again later, with a number', async () => {
    await using server = await start({ plugins: [makePlugin('a', { connect: throwSecret })] })
    await using client = await server.raw({ hello: false })
    expect(await client.next()).toContain('"code":4100')
    expect((await client.closing()).code).toBe(4100)
  })

  test('what a client says before its hello waits for it', async () => {
    const opened = Promise.withResolvers<undefined>()
    const plugin = makePlugin('a', { connect: () => opened.promise })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw({ hello: false })
    await client.opened
    client.subscribe('room')
    client.send({ event: 'pusher:ping' })
    await server.http('/up')
    opened.resolve(undefined)
    const events = (await client.frames.take(3)).map((frame) => JSON.parse(frame).event)
    expect(events).toEqual([
      'pusher:connection_established',
      'pusher_internal:subscription_succeeded',
      'pusher:pong',
    ])
  })
})
