/** A disk that is really full: a small file system of its own, where the machine allows one. */
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import { expect, test } from 'bun:test'
import { RawClient } from '../../harness'
import { BUILT, Executable } from '../../built'
import { Receiver, startWithWebhooks, waitUntil } from '../../webhooks/receiver'

const [KEY, SECRET] = ['test-app-fake-key', 'test-app-fake-secret']
const ROOM = 'private-room'
const UNSHARED = ['unshare', '-rm', 'sh', '-c']
const mayMount = Bun.spawnSync([...UNSHARED, 'mount -t tmpfs -o size=64k t /mnt']).success
if (!mayMount) console.log('skipped: a file system of its own is not allowed here')

/** So small that a burst fills it, most of it taken by something that can be removed. */
const script = (folder: string): string => `
  mount -t tmpfs -o size=16m carillon ${folder} && head -c 12m /dev/zero > ${folder}/other &&
  exec ${BUILT}`

test.skipIf(!mayMount)(
  'a full disk costs no socket and no trigger, and no event',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
    await using receiver = new Receiver()
    let isTaken = false
    receiver.answer = () => (isTaken ? 200 : 503)
    const env = {
      DATABASE_PATH: join(folder, 'full.sqlite'),
      CARILLON_WEBHOOKS: JSON.stringify([{ url: receiver.url, event_types: ['client_event'] }]),
      CARILLON_MAX_CLIENT_EVENTS_PER_SECOND: '100000',
      CARILLON_MAX_CLIENT_EVENT_BYTES_PER_SECOND: '100000000',
    }
    await using program = new Executable(env, { command: [...UNSHARED, script(folder)] })
    const port = await program.waitUntilListening()
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/ready`)).json()
    const sdk = new Server({
      appId: '1',
      key: KEY,
      secret: SECRET,
      host: '127.0.0.1',
      port: `${port}`,
    })
    const enter = async (): Promise<RawClient> => {
      const client = new RawClient(`ws://127.0.0.1:${port}/app/${KEY}?protocol=7`)
      await client.hello()
      await client.subscribed(ROOM, sdk.authorizeChannel(client.socketId, ROOM).auth)
      return client
    }
    await using speaker = await enter()
    await using listener = await enter()
    let sent = 0
    const send = async (): Promise<void> => {
      speaker.send({ event: `client-${sent++}`, channel: ROOM, data: 'x'.repeat(10_000) })
      expect((await listener.nextJson()).event).toBe(`client-${sent - 1}`)
    }
    while ((await ready()).ready) for (let n = 0; n < 10; n++) await send()
    expect(await ready()).toEqual({
      ready: false,
      reason: 'webhooks: events cannot be written down',
    })

    await send()
    await sdk.trigger(ROOM, 'e', 'still here')
    expect(await listener.nextJson()).toMatchObject({ event: 'e', data: 'still here' })
    await using latecomer = await enter()
    await latecomer.expectNothing()
    expect(await ready()).toMatchObject({ ready: false })

    isTaken = true
    rmSync(`/proc/${program.process.pid}/root${folder}/other`)
    const arrived = new Set<string>()
    await waitUntil('all that was said has arrived', () => {
      for (const { body } of receiver.requests.unread)
        for (const { event } of JSON.parse(body).events) arrived.add(event)
      return arrived.size === sent
    })
    await using sdkServer = await startWithWebhooks([])
    await receiver.next(sdkServer.sdk())
    expect(await ready()).toEqual({ ready: true })
    program.process.kill('SIGTERM')
    const lines = (await program.errors).split('\n').filter((line) => line.includes('"level":50'))
    expect(lines.length).toBeWithin(1, 3)
    for (const line of lines) expect(line).toContain('database or disk is full')
    rmdirSync(folder)
  },
  30_000,
)
