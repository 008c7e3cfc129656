/**
 * One step of the hot path, over and over, in a process of its own with a real core around it.
 */
import { runGatesNow } from '../../src/core/hooks'
import { jsonText } from '../../src/core/json'
import { Connection } from '../../src/core/connection'
import type { SubscribeCommand } from '../../src/core/messages'
import { publish } from '../../src/core/publish'
import { subscribe, unsubscribe } from '../../src/core/subscribe'
import type { ChannelName, Sink, SocketId } from '../../src/core/types'
import { PUSHER } from '../../src/http/events'
import { serve } from '../../kit/plugin-kit'
import { codecFor } from '../../src/dialects/codecs'
import { cpuSecondsOfThread } from '../lib/libc'
import { serveOrder, type LoadOrder } from '../lib/load'
import { makePadding } from '../lib/stamp'
import { hookIn, hookStep } from './hook-steps'
import type { MicroCase, Step } from '../micro'

const CHUNK = 10_000
const PAYLOAD_BYTES = 100
/** What the connection is sent goes nowhere. */
const SILENT: Sink = {
  send: () => 1,
  ping: () => undefined,
  close: () => undefined,
  terminate: () => undefined,
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  publish: () => 1,
  getBufferedAmount: () => 0,
}
const CHANNEL = 'private-room' as ChannelName
const SUBSCRIBE = JSON.stringify({
  event: 'pusher:subscribe',
  data: { channel: CHANNEL, auth: `test-app-fake-key:${'0'.repeat(64)}` },
})
const CLIENT_EVENT = JSON.stringify({
  event: 'client-typing',
  channel: CHANNEL,
  data: makePadding(PAYLOAD_BYTES),
})

async function measure({ case: { label }, seconds }: LoadOrder<MicroCase>) {
  const hook = hookIn(label)
  const step = hook ? await hookStep(hook) : (await steps())[label as Step]
  const run = (forSeconds: number): { readonly calls: number; readonly seconds: number } => {
    const began = cpuSecondsOfThread()
    let [calls, seconds] = [0, 0]
    for (; seconds < forSeconds; seconds = cpuSecondsOfThread() - began) {
      for (let index = 0; index < CHUNK; index++) kept = step(index)
      calls += CHUNK
    }
    return { calls, seconds }
  }
  run(seconds / 2)
  const measured = run(seconds)
  const { calls } = measured
  return {
    calls,
    nanosEach: (measured.seconds * 1e9) / calls,
    millionsPerSecond: calls / measured.seconds / 1e6,
  }
}

/** Results go somewhere, so that no step is optimised away. */
let kept: unknown
process.on('exit', () => kept)

async function steps(): Promise<Record<Step, (index: number) => unknown>> {
  const { server, app: credentials } = await serve()
  const { core } = server
  const codec = codecFor(`/app/${credentials.key}`, new URLSearchParams())
  const app = core.apps.byKey(credentials.key)!
  const pair = app.keys[0]!
  const conn = new Connection('1.1' as SocketId, codec, app, '127.0.0.1', app)
  conn.sink = SILENT
  core.hub.add(conn)
  const event = { name: 'event', data: makePadding(PAYLOAD_BYTES), channels: ['quiet'] }
  const requests = [{ ...event, socketId: undefined }]
  const subscribeTo = (channel: string, userId?: string): SubscribeCommand => {
    const channelData = userId === undefined ? undefined : JSON.stringify({ user_id: userId })
    const signed = [conn.id, channel, channelData].filter((part) => part !== undefined).join(':')
    const auth = `${pair.key}:${pair.sign(signed)}`
    const rest = {
      ref: undefined,
      params: () => ({}),
      replaces: undefined,
      grant: undefined,
      history: undefined,
    }
    return { type: 'subscribe', app, channel: channel as ChannelName, auth, channelData, ...rest }
  }
  // Notices would wait for a turn of the event loop, which there is none of here: nobody is to be notified.
  const neighbour = new Connection('2.2' as SocketId, codec, app, '127.0.0.1', app)
  neighbour.sink = SILENT
  core.hub.add(neighbour)
  for (const channel of ['room', 'presence-room']) {
    const channelData = channel === 'room' ? undefined : '{"user_id":"ann"}'
    const signed = ['2.2', channel, channelData].filter((part) => part !== undefined).join(':')
    const auth = `${pair.key}:${pair.sign(signed)}`
    subscribe(core, neighbour, { ...subscribeTo(channel), auth, channelData })
  }
  const [open, closed] = [subscribeTo('room'), subscribeTo('presence-room', 'ann')]
  const comeAndGo = (command: SubscribeCommand): unknown => {
    const answer = subscribe(core, conn, command)
    unsubscribe(core, conn, { ...command, type: 'unsubscribe' })
    return answer
  }
  const text = `1234.5678:${CHANNEL}`
  const signature = pair.sign(text)
  const data = jsonText(makePadding(PAYLOAD_BYTES))
  const events = Array.from({ length: 16 }, (_, index) => `event-${index}`)
  return {
    encode: (index) =>
      codec.broadcast(
        {
          type: 'event',
          app,
          channel: CHANNEL,
          event: events[index % events.length]!,
          data,
          userId: undefined,
          except: undefined,
        } as unknown as Parameters<typeof codec.broadcast>[0],
        undefined,
      ),
    'decode a subscribe': () => codec.decode(core, conn, SUBSCRIBE),
    'decode a client event': () => codec.decode(core, conn, CLIENT_EVENT),
    sign: () => pair.sign(text),
    verify: () => pair.verify(text, signature),
    'look an app up': () => core.apps.byKey(credentials.key),
    'empty hook': () => core.hooks.frame.length > 0 && runGatesNow(core, core.hooks.frame, conn),
    'publish to nobody': () => publish(core, app, requests, PUSHER),
    'subscribe and unsubscribe': () => comeAndGo(open),
    'join and leave with a second tab': () => comeAndGo(closed),
  }
}

await serveOrder(measure)
