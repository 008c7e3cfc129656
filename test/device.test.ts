/** A client as small as the ESP32 one: plain ws, protocol 5 or none, text for data, no pings of its own. */
import { expect, test } from 'bun:test'
import { start } from './harness'

const PATHS = [
  '/app/test-app-fake-key?client=js&version=7.0.3&protocol=5',
  '/app/test-app-fake-key',
]

test.each(PATHS)('%s: a public channel without an auth key, and a private one', async (path) => {
  await using server = await start({ config: { activityTimeoutSeconds: 20 } })
  await using device = await server.raw({ path, protocols: ['arduino'] })
  device.send('{"event":"pusher:subscribe","data":{"channel":"lights"}}')
  expect(await device.next()).toBe(
    '{"event":"pusher_internal:subscription_succeeded","channel":"lights","data":"{}"}',
  )

  const auth = server
    .sdk()
    .authorizeChannel(device.socketId, 'presence-lights', { user_id: 'esp', user_info: {} })
  device.send({ event: 'pusher:subscribe', data: { ...auth, channel: 'presence-lights' } })
  expect(await device.next()).toContain('subscription_succeeded')

  await using app = server.pusher({ user: { user_id: 'app' } })
  await app.subscribe('presence-lights')
  await device.next('member_added')
  device.send('{"event":"client-pong","channel":"presence-lights","data":{"message":"online"}}')
  expect(await app.nextEvent()).toMatchObject({ event: 'client-pong', data: { message: 'online' } })
  device.send(
    '{"data":"{\\"message\\":\\"text\\"}","event":"client-pong","channel":"presence-lights"}',
  )
  expect(await app.nextEvent()).toMatchObject({ event: 'client-pong', data: { message: 'text' } })

  server.advance(25_000)
  expect(await device.next()).toBe('{"event":"pusher:ping","data":"{}"}') // answered by a native pong only
  await server.sdk().trigger('lights', 'on', 'now')
  expect(await device.nextJson()).toEqual({ event: 'on', channel: 'lights', data: 'now' })
  server.advance(15_000)
  await server.sdk().trigger('lights', 'off', 'now')
  expect((await device.nextJson()).event).toBe('off')
})
