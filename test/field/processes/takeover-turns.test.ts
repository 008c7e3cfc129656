/** Takeovers of whole programs: one at a time, and what comes of it where nobody answers at the door. */
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { findFreePort } from '../../../bench/lib/processes'
import { Executable } from '../../built'
import { Place } from './takeovers'

describe('one at a time', () => {
  test('a silent second server and a second takeover are refused, each in a line', async () => {
    using place = new Place(findFreePort())
    await using old = await place.start()
    using other = new Place(place.port)
    await using silent = new Executable(other.env)
    expect([await silent.waitForExit(), await silent.errors]).toEqual([
      1,
      expect.stringContaining(`carillon: 127.0.0.1:${place.port} is in use by another process`),
    ])
    using held = place.hold('hold')
    await using next = place.takeOver()
    await place.waitUntilHeld()
    await using second = place.takeOver()
    expect([await second.waitForExit(), await second.errors]).toEqual([
      1,
      'carillon: takeover: the server that runs goes on: another takeover is under way\n',
    ])
    // A stop waits for the end of the takeover, and is one with the leaving after it.
    old.process.kill('SIGTERM')
    held[Symbol.dispose]()
    await next.waitUntilListening()
    expect(await old.waitForExit()).toBe(0)
    await place.trigger(1)
  })

  test('a takeover waits until the clients of the one before have come back', async () => {
    using place = new Place(findFreePort())
    await using old = await place.start()
    await using client = await place.connect()
    await using next = place.takeOver()
    await next.waitUntilListening()
    await using third = place.takeOver()
    await third.waitUntilListening()
    expect(old.process.exitCode).toBe(0)
    expect((await client.closed).code).toBe(4200)
    expect(await next.waitForExit()).toBe(0)
    expect(await place.metrics()).toMatchObject({ takeovers: 1 })
  }, 60_000)

  test('without a server a takeover is a start', async () => {
    using place = new Place(findFreePort())
    await using program = place.takeOver()
    await program.waitUntilListening()
    expect(await place.metrics()).toMatchObject({ takeovers: 0 })
  })

  test('so it is where the server dies before it gives anything up', async () => {
    using place = new Place(findFreePort())
    const door = { unix: place.path('db.sqlite.takeover') }
    writeFileSync(place.path('db.sqlite'), '')
    await using dying = Bun.serve({
      ...door,
      fetch: (request, server) => void server.upgrade(request),
      websocket: { message: (socket) => socket.terminate() },
    })
    expect(dying.url.protocol).toBe('unix:')
    await using program = place.takeOver()
    await program.waitUntilListening()
  })

  test('a start that waits for a server which does not answer ends at a signal', async () => {
    using place = new Place(findFreePort())
    writeFileSync(place.path('db.sqlite'), '')
    const asked = Promise.withResolvers<void>()
    const silent = createServer(() => asked.resolve()).listen(place.path('db.sqlite.takeover'))
    await using program = place.takeOver()
    await asked.promise
    program.process.kill('SIGTERM')
    expect(await program.waitForExit()).toBe(0)
    silent.close()
  })
})

test('an old process that hangs keeps its place, and goes on when it does not hang any more', async () => {
  using place = new Place(findFreePort())
  await using old = await place.start()
  using held = place.hold('hold')
  await using next = place.takeOver()
  await place.waitUntilHeld()
  old.process.kill('SIGSTOP')
  held[Symbol.dispose]()
  expect(await next.waitForExit()).toBe(1)
  expect(await next.errors).toEndWith(
    'the server that runs goes on: it does not answer, or has ended\n',
  )
  old.process.kill('SIGCONT')
  await place.trigger(1)
}, 30_000)
