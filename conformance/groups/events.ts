/** Events and batches over HTTP. */
import type { Case, Group } from '../case'
import { expectSame } from '../mismatch'
import type { Stage } from '../stage'
import { makeEvent, type Channels } from './requests'

const INVALID: readonly (readonly [what: string, make: (stage: Stage) => object | string])[] = [
  ['an event without a name', (stage) => makeEvent(stage, { name: undefined })],
  ['an event without data', (stage) => makeEvent(stage, { data: undefined })],
  ['an event without a channel', (stage) => makeEvent(stage, { channels: undefined })],
  ['an event for 101 channels', (stage) => makeEvent(stage, { channels: names(stage, 101) })],
  ['a channel whose name is not allowed', (stage) => makeEvent(stage, { channels: ['a b'] })],
  ['a socket_id that is none', (stage) => makeEvent(stage, { socket_id: 'none' })],
  ['a name of 201 characters', (stage) => makeEvent(stage, { name: 'e'.repeat(201) })],
  ['a body that is no JSON', () => 'name=e'],
  ['a body that is no object', () => '[]'],
]

const names = (stage: Stage, count: number): string[] =>
  Array.from({ length: count }, () => stage.name())

export const EVENTS: Group = {
  name: 'http-events',
  about: 'triggers and batches, what they answer and refuse',
  cases: [
    {
      name: 'a trigger is answered with 200 and a JSON object, which the Go SDK reads',
      spec: 'HTTP API, POST events',
      play: async (stage) =>
        void (await stage.requests.ask({ path: '/events', body: makeEvent(stage) })),
    },
    {
      name: 'an event reaches each of 100 channels',
      spec: 'HTTP API, POST events (100 channels)',
      async play(stage) {
        const [client, channels] = [await stage.wire(), names(stage, 100)]
        for (const channel of [channels[0]!, channels[99]!]) await client.subscribe(channel)
        await stage.trigger(channels, 'e', '{}')
        const heard = [await client.nextOf('e'), await client.nextOf('e')]
        const expected = [channels[0], channels[99]].toSorted()
        expectSame('the channels', heard.map(({ channel }) => channel).toSorted(), expected)
      },
    },
    {
      name: 'channel names one, in place of channels, as the PHP SDK sends it',
      spec: 'HTTP API, POST events (channel)',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        const body = { name: 'e', channel, data: '{}' }
        await stage.requests.ask({ path: '/events', body })
        await client.nextOf('e', channel)
      },
    },
    {
      name: 'the connection of socket_id hears nothing, all others do',
      spec: 'HTTP API, POST events (socket_id); Excluding event recipients',
      async play(stage) {
        const [sender, hearer] = [await stage.wire(), await stage.wire()]
        const channel = stage.name()
        for (const client of [sender, hearer]) await client.subscribe(channel)
        await stage.trigger(channel, 'e', '{}', { socket_id: sender.socketId })
        await stage.trigger(channel, 'end', '{}')
        await hearer.nextOf('e', channel)
        await sender.nextOf('end', channel)
      },
    },
    {
      name: 'info=subscription_count,user_count is answered for each channel',
      spec: 'HTTP API, POST events (info)',
      async play(stage) {
        const [client, open, presence] = [await stage.wire(), stage.name(), stage.name('presence-')]
        await client.subscribe(open)
        await client.join(presence, '{"user_id":"1"}')
        const info = 'subscription_count,user_count'
        const body = makeEvent(stage, { channels: [open, presence], info })
        const answer = await stage.requests.ask({ path: '/events', body })
        const channels = answer['channels'] as Channels
        expectSame('subscription_count', channels?.[open]?.['subscription_count'], 1)
        expectSame('user_count', channels?.[presence]?.['user_count'], 1)
      },
    },
    {
      name: 'data of 10 kB are accepted',
      spec: 'HTTP API, POST events (data up to 10 kB)',
      async play(stage) {
        const [client, channel, data] = [await stage.wire(), stage.name(), 'x'.repeat(10_000)]
        await client.subscribe(channel)
        await stage.trigger(channel, 'e', data)
        expectSame('data', (await client.nextOf('e', channel)).data, data)
      },
    },
    {
      name: 'more data than 10 kB are answered with 413',
      spec: 'HTTP API, POST events (data up to 10 kB), HTTP status codes',
      play: (stage) =>
        stage.requests.expectRefused(
          { path: '/events', body: makeEvent(stage, { data: 'x'.repeat(10_241) }) },
          413,
        ),
    },
    ...INVALID.map(([what, make]): Case => ({
      name: `${what} is answered with 400`,
      spec: 'HTTP API, POST events, HTTP status codes',
      play: (stage) => stage.requests.expectRefused({ path: '/events', body: make(stage) }, 400),
    })),
    {
      name: 'an event whose name begins with pusher: is refused',
      spec: 'Encrypted channels (such events come from the server alone, in clear)',
      play: (stage) =>
        stage.requests.expectRefused(
          { path: '/events', body: makeEvent(stage, { name: 'pusher:e' }) },
          400,
          403,
        ),
    },
    {
      name: 'a batch of ten reaches the channels of each',
      spec: 'HTTP API, POST batch_events',
      async play(stage) {
        const [client, channels] = [await stage.wire(), names(stage, 10)]
        for (const channel of channels) await client.subscribe(channel)
        const batch = channels.map((channel, index) => ({ channel, name: 'e', data: `${index}` }))
        await stage.requests.ask({ path: '/batch_events', body: { batch } })
        for (const [index, channel] of channels.entries())
          expectSame('data', (await client.nextOf('e', channel)).data, `${index}`)
      },
    },
    {
      name: 'a batch leaves out the connection of each socket_id',
      spec: 'HTTP API, POST batch_events (socket_id)',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        const left = { channel, name: 'left out', data: '{}', socket_id: client.socketId }
        const batch = [left, { channel, name: 'end', data: '{}' }]
        await stage.requests.ask({ path: '/batch_events', body: { batch } })
        await client.nextOf('end', channel)
      },
    },
    {
      name: 'a batch with info is answered with a list, one entry for each event',
      spec: 'HTTP API, POST batch_events (info)',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        const one = { channel, name: 'e', data: '{}', info: 'subscription_count' }
        const body = { batch: [{ ...one, info: undefined }, one] }
        const answer = await stage.requests.ask({ path: '/batch_events', body })
        expectSame('batch', answer['batch'], [{}, { subscription_count: 1 }])
      },
    },
    {
      name: 'a batch with one event of more than 10 kB is answered with 413',
      spec: 'HTTP API, POST batch_events, HTTP status codes',
      async play(stage) {
        const event = { channel: stage.name(), name: 'e', data: '{}' }
        const body = { batch: [event, { ...event, data: 'x'.repeat(10_241) }] }
        await stage.requests.expectRefused({ path: '/batch_events', body }, 413)
      },
    },
    {
      name: 'a batch of eleven is answered with 400',
      spec: 'HTTP API, POST batch_events (10 events)',
      async play(stage) {
        const batch = names(stage, 11).map((channel) => ({ channel, name: 'e', data: '{}' }))
        await stage.requests.expectRefused({ path: '/batch_events', body: { batch } }, 400)
      },
    },
    {
      name: 'a batch in which one event is invalid is refused, and none of it is heard',
      spec: 'HTTP API, POST batch_events',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        const good = { channel, name: 'e', data: '{}' }
        const body = { batch: [good, { ...good, channel: 'a b' }] }
        await stage.requests.expectRefused({ path: '/batch_events', body }, 400)
        await stage.trigger(channel, 'end', '{}')
        await client.nextOf('end', channel)
      },
    },
  ],
}
