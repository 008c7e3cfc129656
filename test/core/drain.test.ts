/** Leaving without a stampede, by the injected clock. */
import { describe, expect, test } from 'bun:test'
import { publish } from '../publish'
import { start } from '../harness'
import { StalledReader } from '../stalled-reader'

describe('draining', () => {
  test('spreads the goodbyes over the drain time, in slices', async () => {
    await using server = await start({ config: { drainSeconds: 1 } })
    const clients = await Promise.all(Array.from({ length: 50 }, () => server.raw()))
    const countLeft = () => server.core.hub.connectionCount
    void server.server.leave()
    const counts = [countLeft()]
    for (let slice = 1; slice < 10; slice++) {
      server.advance(100)
      counts.push(countLeft())
    }
    expect(counts).toEqual([45, 40, 35, 30, 25, 20, 15, 10, 5, 0])
    for (const client of clients) expect((await client.closing()).code).toBe(4200)
  })

  test('a drain time of 0 says all goodbyes at once', async () => {
    await using server = await start({ config: { drainSeconds: 0 } })
    await Promise.all(Array.from({ length: 50 }, () => server.raw()))
    void server.server.leave()
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('who still has something to read is asked last, and gets it all', async () => {
    await using server = await start({ config: { drainSeconds: 5 } })
    const { core } = server
    const reader = await StalledReader.open({
      port: server.port,
      key: server.app.key,
      data: { channel: 'room' },
      until: 'subscription_succeeded',
    })
    const [conn] = core.hub.connections()
    const app = core.apps.byId('1')!
    let sent = 0
    while (conn!.sink.getBufferedAmount() < 100_000) {
      publish(core, app, [
        {
          name: 'e',
          data: `${sent++} `.padEnd(10_000, 'x'),
          channels: ['room'],
          socketId: undefined,
        },
      ])
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    const leaving = server.leave()
    const isWhole = (text: string): boolean => text.includes(`"${sent - 1} xxx`)
    const [text] = await Promise.all([reader.readUntil('all of it', isWhole), leaving])
    expect(text.match(/"event":"e"/g)).toHaveLength(sent)
  })

  test('meanwhile readiness is red, triggers work, and newcomers are told to come back', async () => {
    await using server = await start({ config: { drainSeconds: 60 } })
    const clients = await Promise.all(Array.from({ length: 10 }, () => server.raw()))
    const last = clients.at(-1)!
    await last.subscribed('room')
    void server.server.leave()
    const ready = await server.http('/ready')
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reason: 'draining' }])
    expect((await server.http('/accept-traffic')).status).toBe(503)
    expect((await server.http('/up')).status).toBe(200)
    await server.sdk().trigger('room', 'still', 'here')
    expect((await last.nextJson()).event).toBe('still')

    const newcomer = await server.raw({ hello: false })
    expect(await newcomer.next()).toContain('"code":4100')
    expect((await newcomer.closing()).code).toBe(4100)
  })

  test('pusher-js is told to come back, tries again, and finds the server that took over', async () => {
    const first = await start({ config: { drainSeconds: 60 } })
    const { port } = first
    await using client = first.pusher()
    await client.state('connected')
    await Promise.all(Array.from({ length: 10 }, () => first.raw()))
    const leaving = first.server.leave()
    let error = ''
    while (!error.includes('"code":4100'))
      error = JSON.stringify(await client.errors.next('the refusal'))
    await first.server.stop()
    void leaving
    await using second = await start({ config: { port } })
    await client.states.take(client.states.unread.length)
    await client.state('connected')
    expect(second.core.hub.connectionCount).toBe(1)
  })
})
