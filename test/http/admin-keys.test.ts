/** The admin API: the keys of an app, of which there are two while they rotate. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { requestAdmin, create } from './admin-requests'

describe('keys', () => {
  test('rotate under load: no request fails, no subscription is refused', async () => {
    await using server = await start()
    const { body: made } = await create(server, { name: 'my app' })
    const id = String(made.data.id)
    const sdkFor = (pair: { key: string; secret: string }) => server.sdk({ appId: id, ...pair })
    const old = made.data.keys[0]
    await using veteran = await server.raw({ path: `/app/${old.key}` })
    let [running, failed, done] = [true, 0, 0]
    let current = old
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (running) {
          await sdkFor(current)
            .trigger('load', 'e', 'x')
            .catch(() => failed++)
          done++
        }
      }),
    )

    const rotated = await requestAdmin(server, 'POST', '/my-app/keys')
    expect([rotated.status, rotated.body.data.keys.length]).toEqual([201, 2])
    const fresh = rotated.body.data.keys[1]
    expect(rotated.body.data).toMatchObject(fresh)
    await using newcomer = await server.raw({ path: `/app/${fresh.key}` })
    for (const [client, signer] of [
      [veteran, fresh],
      [newcomer, old],
    ] as const) {
      const { auth } = sdkFor(signer).authorizeChannel(client.socketId, 'private-room')
      expect(await client.subscribed('private-room', auth)).toContain('subscription_succeeded')
    }
    const before = done
    current = fresh
    while (done < before + 20) await server.http('/up')
    const retired = await requestAdmin(server, 'DELETE', `/my-app/keys/${old.key}`)
    expect([retired.status, retired.body.data.keys]).toEqual([200, [fresh]])
    await veteran.expectNothing()
    const { auth } = sdkFor(fresh).authorizeChannel(veteran.socketId, 'private-two')
    expect(await veteran.subscribed('private-two', auth)).toContain('subscription_succeeded')
    running = false
    await load
    expect(failed).toBe(0)
    expect(
      (
        await sdkFor(old)
          .trigger('room', 'e', '')
          .catch((error) => error)
      ).status,
    ).toBe(401)
    await using late = await server.raw({ path: `/app/${old.key}`, hello: false })
    expect((await late.closing()).code).toBe(4001)
  })

  test('there are one or two of them', async () => {
    await using server = await start()
    const { body } = await create(server, { name: 'my app' })
    expect((await requestAdmin(server, 'DELETE', `/my-app/keys/${body.data.key}`)).body).toEqual({
      errors: { keys: ['must not be empty; add a pair before the last one is retired'] },
    })
    await requestAdmin(server, 'POST', '/my-app/keys')
    expect((await requestAdmin(server, 'POST', '/my-app/keys')).body).toEqual({
      errors: { keys: ['are 2 already; retire the older one first'] },
    })
    expect((await requestAdmin(server, 'DELETE', '/my-app/keys/nobody')).status).toBe(404)
  })
})
