/** Public channels and cache channels. */
import type { Case, Group } from '../case'
import { expectSame, expectThat } from '../mismatch'

export const PUBLIC: Group = {
  name: 'public',
  about: 'public channels: subscribing, leaving, what arrives and in which order',
  cases: [
    {
      name: 'pusher-js subscribes and hears an event, its JSON parsed',
      spec: 'Events, Binding to events',
      async play(stage) {
        const channel = stage.name()
        const { emitted } = await stage.pusherJs().subscribe(channel)
        await stage.trigger(channel, 'greeting', { hello: 'world' })
        expectSame('the event', await emitted.next('greeting'), {
          event: 'greeting',
          data: { hello: 'world' },
        })
      },
    },
    {
      name: 'pusher-js unsubscribes and subscribes again',
      spec: 'pusher-js, unsubscribe',
      async play(stage) {
        const [client, name] = [stage.pusherJs(), stage.name()]
        const { emitted } = await client.subscribe(name)
        client.pusher.unsubscribe(name)
        await client.subscribe(stage.name())
        await stage.trigger(name, 'missed', '1')
        const again = await client.subscribe(name)
        await stage.trigger(name, 'heard', '2')
        expectSame('the event', await again.emitted.next('heard'), { event: 'heard', data: 2 })
        expectSame('what came meanwhile', emitted.unread, [])
      },
    },
    {
      name: 'a subscription is answered with its channel, and text as data if there is any',
      spec: 'Protocol, pusher_internal:subscription_succeeded',
      async play(stage) {
        const data = await (await stage.wire()).subscribe(stage.name())
        expectThat(data === undefined || typeof data === 'string', 'a text or nothing', data)
      },
    },
    ...(
      [
        ['JSON arrives byte for byte', '{ "b" : 1,\n"a":[ 1.0, "\\u00e9" ] }'],
        ['text in any writing arrives as it was', 'grüße 😀 \u2028 "quoted" \\ end'],
        ['an empty text is an event, too', ''],
        ['a text that is no JSON stays a text', 'hello {'],
      ] as const
    ).map(([name, data]): Case => ({
      name,
      spec: 'HTTP API, POST events (data)',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        await stage.trigger(channel, 'e', data)
        expectSame('the message', await client.nextOf('e', channel), { event: 'e', channel, data })
      },
    })),
    {
      name: 'auth, and what nobody knows, is ignored on public channels',
      spec: 'Protocol, pusher:subscribe',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        const extra = { auth: 'none', channel_data: '', unknown: 1 }
        client.send({ event: 'pusher:subscribe', data: { channel, ...extra }, unknown: 1 })
        await client.nextOf('pusher_internal:subscription_succeeded', channel)
      },
    },
    {
      name: 'events arrive in the order in which they were accepted',
      spec: 'HTTP API, POST batch_events',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        const names = Array.from({ length: 20 }, (_, index) => `e${index}`)
        for (const half of [names.slice(0, 10), names.slice(10)]) {
          const batch = half.map((name) => ({ channel, name, data: '{}' }))
          await stage.accepted('a batch', stage.sdk.triggerBatch(batch))
        }
        for (const name of names) await client.nextOf(name, channel)
      },
    },
    {
      name: 'subscribers hear their own channels only',
      spec: 'Channels',
      async play(stage) {
        const [client, own, other] = [await stage.wire(), stage.name(), stage.name()]
        await client.subscribe(own)
        await stage.trigger(other, 'elsewhere', '{}')
        await stage.trigger(own, 'here', '{}')
        await client.nextOf('here', own)
      },
    },
    {
      name: 'every subscriber hears an event once',
      spec: 'Events',
      async play(stage) {
        const channel = stage.name()
        const clients = [await stage.wire(), await stage.wire(), await stage.wire()]
        for (const client of clients) await client.subscribe(channel)
        await stage.trigger(channel, 'e', '{}')
        await stage.trigger(channel, 'end', '{}')
        for (const client of clients) for (const name of ['e', 'end']) await client.nextOf(name)
      },
    },
    {
      name: 'a second subscription of one connection is answered with pusher:error',
      spec: 'Hosted service: "Existing subscription to channel X" (pusher-js#55)',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        client.askFor(channel)
        await client.expectRefused(channel, 'a second subscription')
      },
    },
    {
      name: 'after a second subscription events still arrive once',
      spec: 'Channels',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        await client.subscribe(channel)
        client.askFor(channel)
        await client.next('an answer')
        await stage.trigger(channel, 'e', '{}')
        await stage.trigger(channel, 'end', '{}')
        for (let count = 0; ; count++) {
          const { event } = await client.next('e, then end')
          if (event === 'end') return expectSame('events', count, 1)
          if (event !== 'e') count--
        }
      },
    },
    {
      name: 'who has left hears nothing more',
      spec: 'Protocol, pusher:unsubscribe',
      async play(stage) {
        const [client, left, stayed] = [await stage.wire(), stage.name(), stage.name()]
        for (const channel of [left, stayed]) await client.subscribe(channel)
        client.leave(left)
        await client.expectAlive()
        await stage.trigger(left, 'missed', '{}')
        await stage.trigger(stayed, 'heard', '{}')
        await client.nextOf('heard', stayed)
      },
    },
    {
      name: 'subscribing, leaving and subscribing in one go ends subscribed',
      spec: 'Protocol, pusher:subscribe',
      async play(stage) {
        const [client, channel] = [await stage.wire(), stage.name()]
        client.askFor(channel)
        client.leave(channel)
        client.askFor(channel)
        for (let count = 0; count < 2; count++)
          await client.nextOf('pusher_internal:subscription_succeeded', channel)
        await stage.trigger(channel, 'e', '{}')
        await client.nextOf('e', channel)
      },
    },
    ...[
      ['a name of 164 characters is accepted', 164],
      ['a name with all characters that are allowed is accepted', 0],
    ].map(([name, chars]): Case => ({
      name: String(name),
      spec: 'Channels, Channel naming conventions',
      async play(stage) {
        const channel = chars === 0 ? `${stage.name()}_-=@,.;` : stage.name().padEnd(164, 'x')
        const client = await stage.wire()
        await client.subscribe(channel)
        await stage.trigger(channel, 'e', '{}')
        await client.nextOf('e', channel)
      },
    })),
    ...(
      [
        ['a name with a space', (name) => `${name} x`],
        ['a name with a slash', (name) => `${name}/x`],
        ['a name that begins with #', (name) => `#${name}`],
        ['a name of 201 characters', (name) => name.padEnd(201, 'x')],
        ['an empty name', () => ''],
      ] as readonly [string, (name: string) => string][]
    ).map(([what, make]): Case => ({
      name: `${what} is refused`,
      spec: 'Channels, Channel naming conventions',
      async play(stage) {
        const [client, channel] = [await stage.wire(), make(stage.name())]
        client.askFor(channel)
        await client.expectRefused(channel, what)
      },
    })),
  ],
}

export const CACHE: Group = {
  name: 'cache',
  about: 'cache channels: the last event for new subscribers',
  cases: [
    ...['cache-', 'private-cache-', 'presence-cache-', 'private-encrypted-cache-'].flatMap(
      (prefix): Case[] => [
        {
          name: `${prefix}* without an event says pusher:cache_miss after the subscription`,
          spec: 'Cache channels, Cache miss events',
          async play(stage) {
            const [client, channel] = [await stage.wire(), stage.name(prefix)]
            await client.join(channel, memberOf(prefix))
            await client.nextOf('pusher:cache_miss', channel)
          },
        },
        {
          name: `${prefix}* gives newcomers the last event, and no earlier one`,
          spec: 'Cache channels',
          async play(stage) {
            const channel = stage.name(prefix)
            const data = '{"nonce":"AA==","ciphertext":"BB=="}'
            for (const name of ['first', 'last'])
              await stage.requests.ask({
                path: '/events',
                body: { name, channels: [channel], data },
              })
            const client = await stage.wire()
            await client.join(channel, memberOf(prefix))
            const message = await client.nextOf('last', channel)
            expectSame('the message', message, { event: 'last', channel, data })
            await client.expectAlive()
          },
        },
      ],
    ),
    {
      name: 'an event of a batch is kept, too',
      spec: 'Cache channels',
      async play(stage) {
        const channel = stage.name('cache-')
        const batch = [{ channel, name: 'e', data: '1' }]
        await stage.accepted('a batch', stage.sdk.triggerBatch(batch))
        const client = await stage.wire()
        await client.subscribe(channel)
        await client.nextOf('e', channel)
      },
    },
    {
      name: 'client events are not kept',
      spec: 'Cache channels (client events)',
      async play(stage) {
        const channel = stage.name('private-cache-')
        const [sender, hearer, late] = [await stage.wire(), await stage.wire(), await stage.wire()]
        for (const client of [sender, hearer]) {
          await client.join(channel)
          await client.nextOf('pusher:cache_miss', channel)
        }
        sender.send({ event: 'client-e', channel, data: {} })
        await hearer.nextOf('client-e', channel)
        await late.join(channel)
        await late.nextOf('pusher:cache_miss', channel)
      },
    },
    {
      name: 'a name with cache- further back keeps nothing',
      spec: 'Cache channels, naming',
      async play(stage) {
        const channel = stage.name('my-cache-')
        await stage.trigger(channel, 'e', '1')
        const client = await stage.wire()
        await client.subscribe(channel)
        await client.expectAlive()
      },
    },
    {
      name: 'pusher-js binds to pusher:cache_miss',
      spec: 'Cache channels, Cache miss events',
      async play(stage) {
        const channel = stage.pusherJs().pusher.subscribe(stage.name('cache-'))
        const missed = new Promise<void>((resolve) =>
          channel.bind('pusher:cache_miss', () => resolve()),
        )
        await stage.wait('pusher:cache_miss', missed)
      },
    },
    {
      name: 'info=cache shows the event and for how long it is kept',
      spec: 'HTTP API, GET channels/[name] (cache)',
      async play(stage) {
        const channel = stage.name('cache-')
        await stage.trigger(channel, 'e', '{"n":1}')
        const client = await stage.wire()
        await client.subscribe(channel)
        const { cache } = await stage.requests.ask({
          path: `/channels/${channel}`,
          query: { info: 'cache' },
        })
        const { data, ttl } = (cache ?? {}) as { data?: unknown; ttl?: unknown }
        expectThat(data === '{"n":1}', 'the data of the event', cache)
        expectThat(typeof ttl === 'number' && ttl > 0, 'ttl in seconds', cache)
      },
    },
  ],
}

/** Members of presence channels say who they are. */
const memberOf = (prefix: string): string | undefined =>
  prefix.startsWith('presence-') ? '{"user_id":"1"}' : undefined
