/**
 * Every edge at which a subscriber moves or ends: what was published before is sent before, once and
 * in order, on every wire.
 */
import { describe, expect, test } from 'bun:test'
import { dismissApp, dismissUser } from '../../src/core/dismiss'
import { drain } from '../../src/core/drain'
import { refusal } from '../../src/core/errors'
import { publish } from '../publish'
import { newSweeper, newUnauthorizedSweeper } from '../../src/core/sweep'
import type { UserId } from '../../src/core/types'
import { makePlugin, start, type TestServer } from '../harness'
import { fillRoom, WIRES, type Subject } from './edges'

const MAX_CHANNELS = 3
const BURST = ['0', '1', '2', '3']

/** Publishes the burst in this turn of the loop; the first shard that is served does not get the last of it yet. */
function publishBurst({ core }: TestServer): void {
  const app = core.apps.byId('1')!
  for (const data of BURST)
    publish(core, app, [{ name: 'tick', data, channels: ['room'], socketId: undefined }])
}

/** The numbers of the burst in the frames, and whether a frame came before them. */
function findNumbers(frames: readonly string[]) {
  const isTick = frames.map((frame) => frame.includes('tick'))
  const numbers = frames.flatMap(
    (frame) => /"tick".*?"?data"?\\?":\\?"?(\d)/.exec(frame)?.[1] ?? [],
  )
  return { numbers, first: isTick.slice(0, BURST.length).every(Boolean) }
}

const PUSHER = ['pusher', 'xhr']
const PHOENIX = ['phoenix 1', 'phoenix 2', 'long-poll']
const ALL = [...PUSHER, ...PHOENIX]
const SOCKETS = ['pusher', 'phoenix 1', 'phoenix 2']

type Edge = {
  readonly name: string
  readonly wires: readonly string[]
  readonly happens: (subject: Subject, server: TestServer, wire: string) => void
}

const push = (wire: string, ref: string, event: string): string =>
  wire === 'phoenix 1'
    ? JSON.stringify({ topic: 'room', event, payload: {}, ref, join_ref: ref })
    : JSON.stringify([ref, ref, 'room', event, {}])

const EDGES: readonly Edge[] = [
  {
    name: 'unsubscribes',
    wires: PUSHER,
    happens: ({ receive: frame }) =>
      frame('{"event":"pusher:unsubscribe","data":{"channel":"room"}}'),
  },
  {
    name: 'unsubscribes and comes back',
    wires: PUSHER,
    happens: ({ receive: frame }) => {
      frame('{"event":"pusher:unsubscribe","data":{"channel":"room"}}')
      frame('{"event":"pusher:subscribe","data":{"channel":"room"}}')
    },
  },
  {
    name: 'leaves',
    wires: PHOENIX,
    happens: ({ receive: frame }, _, wire) => frame(push(wire, '1', 'phx_leave')),
  },
  {
    name: 'joins again and never left',
    wires: PHOENIX,
    happens: ({ receive: frame }, _, wire) => frame(push(wire, '2', 'phx_join')),
  },
  {
    name: 'says what nobody can read',
    wires: PHOENIX,
    happens: ({ receive: frame }) => frame('garbage'),
  },
  {
    name: 'says too much behind a gate',
    wires: ALL,
    happens: ({ conn, receive: frame }) => {
      conn.busy = 'gate'
      for (let n = 0; n <= 4 * MAX_CHANNELS; n++) frame('{}') // four per channel may wait
    },
  },
  { name: 'is ended by a plugin', wires: ALL, happens: ({ receive: frame }) => frame('end me') },
  {
    name: 'is signed in as a user who is terminated',
    wires: PUSHER,
    happens: ({ conn }, { core }) => {
      const app = core.apps.byId('1')!
      const id = `user ${conn.id}` as UserId
      core.users.add(conn, app, { id, info: undefined })
      dismissUser(core, app, id, refusal('connection_refused', 'over'))
    },
  },
  {
    name: 'was silent for too long',
    wires: SOCKETS,
    happens: ({ conn }, { core }) => {
      conn.seenTick = core.state.tick - 1000
      conn.pingedTick = conn.seenTick + 1
      newSweeper(core)()
    },
  },
  {
    name: 'has not shown in time who it is',
    wires: ALL,
    happens: ({ conn }, { core, clock }) => {
      const app = core.apps.byId('1')!
      const limits = { ...app.record.limits, authorizeWithinSeconds: 10 }
      for (const other of core.hub.connections())
        if (other !== conn) core.unauthorized.authorize(other)
      core.apps.change(app, { ...app.record, limits }, clock.now())
      conn.establishedAt = clock.mono() - 10_000
      newUnauthorizedSweeper(core)()
      core.apps.change(app, { ...app.record, limits: app.record.limits }, clock.now())
    },
  },
]

const ends = makePlugin('ends', {
  frame: (conn, frame) => {
    if (frame === 'end me') conn.disconnect('over')
  },
})

describe('events that were published before are heard, once and first, by who', () => {
  for (const wire of ALL)
    test(`... speaks ${wire}`, async () => {
      await using server = await start({
        plugins: [ends],
        limits: { maxChannelsPerConnection: MAX_CHANNELS },
      })
      await fillRoom(server, [WIRES[wire]!])
      for (const { name, happens } of EDGES.filter(({ wires }) => wires.includes(wire))) {
        const subject = await WIRES[wire]!(server)
        const readFrames = await subject.listen()
        publishBurst(server)
        happens(subject, server, wire)
        const frames = await readFrames()
        expect({ name, ...findNumbers(frames) }).toEqual({ name, numbers: BURST, first: true })
      }
    })
})

describe('and by everybody', () => {
  const WHOLE: readonly (readonly [string, (server: TestServer) => void])[] = [
    ['when the server leaves', ({ core }) => void drain(core, 0)],
    [
      'when their app is switched off',
      ({ core }) =>
        dismissApp(core, core.apps.byId('1')!, refusal('app_disabled', 'App is disabled')),
    ],
  ]
  test.each(WHOLE)('%s', async (_, happens) => {
    await using server = await start()
    await fillRoom(server)
    const listening = []
    for (const wire of ALL)
      listening.push({ wire, hears: await (await WIRES[wire]!(server)).listen() })
    publishBurst(server)
    happens(server)
    for (const { wire, hears: readFrames } of listening) {
      const frames = await readFrames()
      expect({ wire, ...findNumbers(frames) }).toEqual({ wire, numbers: BURST, first: true })
    }
  })
})
