/** Leaving without a stampede, by the injected clock. */
import { describe, expect, test } from 'bun:test'
import { start, within } from '../harness'

describe('draining', () => {
  test('spreads the goodbyes over the drain time, in slices', async () => {
    await using server = await start({ config: { drainSeconds: 1 } })
    const clients = await Promise.all(Array.from({ length: 250 }, () => server.raw()))
    const left = () => server.core.hub.connectionCount
    const leaving = server.server.leave()
    const counts = [left()]
    for (let slice = 0; slice < 2; slice++) {
      server.advance(100)
      counts.push(left())
    }
    expect(counts).toEqual([150, 50, 0])
    await within('the stop', leaving)
    for (const client of clients) expect((await client.closing()).code).toBe(4200)
  })

  test('more connections than slices of 100 hold make larger slices, not a longer drain', async () => {
    await using server = await start({ config: { drainSeconds: 0 } })
    await Promise.all(Array.from({ length: 250 }, () => server.raw()))
    const leaving = server.server.leave()
    expect(server.core.hub.connectionCount).toBe(0)
    await within('the stop', leaving)
  })

  test('meanwhile readiness is red, triggers work, and newcomers are told to come back', async () => {
    await using server = await start({ config: { drainSeconds: 60 } })
    const clients = await Promise.all(Array.from({ length: 150 }, () => server.raw()))
    const last = clients.at(-1)!
    await last.subscribed('room')
    const leaving = server.server.leave()
    const ready = await server.http('/ready')
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reason: 'draining' }])
    expect((await server.http('/accept-traffic')).status).toBe(503)
    expect((await server.http('/up')).status).toBe(200)
    await server.sdk().trigger('room', 'still', 'here')
    expect((await last.nextJson()).event).toBe('still')

    const newcomer = await server.raw({ hello: false })
    expect(await newcomer.next()).toContain('"code":4100')
    expect((await newcomer.closing()).code).toBe(4100)
    server.advance(60_000)
    await within('the stop', leaving)
  })

  test('pusher-js is told to come back, tries again, and finds the server that took over', async () => {
    const first = await start({ config: { drainSeconds: 60 } })
    const { port } = first
    await using client = first.pusher()
    await client.state('connected')
    await Promise.all(Array.from({ length: 150 }, () => first.raw()))
    const leaving = first.server.leave()
    let error = ''
    while (!error.includes('"code":4100'))
      error = JSON.stringify(await client.errors.next('the refusal'))
    first.advance(60_000)
    await within('the stop', leaving)
    await using second = await start({ config: { port } })
    await client.states.take(client.states.unread.length)
    await client.state('connected')
    expect(second.core.hub.connectionCount).toBe(1)
  })
})
