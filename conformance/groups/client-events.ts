/** Client events. */
import type { Case, Group } from '../case'
import { expectSame } from '../mismatch'
import type { Stage } from '../stage'

/** A sender and a hearer who are in one channel. */
async function makePair(stage: Stage, prefix = 'private-') {
  const channel = stage.name(prefix)
  const [sender, hearer] = [await stage.wire(), await stage.wire()]
  const data = (user: string) =>
    prefix.startsWith('presence-') ? JSON.stringify({ user_id: user }) : undefined
  await hearer.join(channel, data('hearer'))
  await sender.join(channel, data('sender'))
  if (prefix.startsWith('presence-')) await hearer.nextOf('pusher_internal:member_added', channel)
  return { channel, sender, hearer }
}

/** Messages that nobody else may hear. */
const UNHEARD: readonly (readonly [what: string, event: string])[] = [
  ['an event whose name does not begin with client-', 'not-client-e'],
  ['an event of the server, pusher:e', 'pusher:e'],
  ['an event of the server, pusher_internal:member_added', 'pusher_internal:member_added'],
]

const SENT: readonly (readonly [what: string, data: unknown])[] = [
  ['an object', { a: [1, null], b: 'é' }],
  ['a text', 'hello'],
  ['a text of JSON', '{"a":1}'],
  ['a number', 5],
]

export const CLIENT_EVENTS: Group = {
  name: 'client-events',
  about: 'what clients send each other; the app must have them switched on',
  cases: [
    {
      name: 'pusher-js hears what another pusher-js triggers, and not its own',
      spec: 'Events, Triggering client events',
      async play(stage) {
        const channel = stage.name('private-')
        const [one, other] = [
          await stage.pusherJs().subscribe(channel),
          await stage.pusherJs().subscribe(channel),
        ]
        one.channel.trigger('client-one', { n: 1 })
        const heard = { event: 'client-one', data: { n: 1 } }
        expectSame('the event', await other.emitted.next('client-one'), heard)
        other.channel.trigger('client-other', { n: 2 })
        const answer = { event: 'client-other', data: { n: 2 } }
        expectSame('the event', await one.emitted.next('client-other'), answer)
      },
    },
    ...SENT.map(([what, data]): Case => ({
      name: `data that is ${what} arrives as it was sent`,
      spec: 'Protocol, Channel events (client events)',
      async play(stage) {
        const { channel, sender, hearer } = await makePair(stage)
        sender.send({ event: 'client-e', channel, data })
        const message = await hearer.nextOf('client-e', channel)
        expectSame('the message', message, { event: 'client-e', channel, data })
      },
    })),
    {
      name: 'on presence channels user_id says who has sent it',
      spec: 'Events, user_id in client events',
      async play(stage) {
        const { channel, sender, hearer } = await makePair(stage, 'presence-')
        sender.send({ event: 'client-e', channel, data: {} })
        expectSame('user_id', (await hearer.nextOf('client-e', channel)).user_id, 'sender')
      },
    },
    {
      name: 'user_id that a client writes itself is not passed on',
      spec: 'Events, user_id in client events',
      async play(stage) {
        const { channel, sender, hearer } = await makePair(stage, 'presence-')
        sender.send({ event: 'client-e', channel, data: {}, user_id: 'somebody' })
        expectSame('user_id', (await hearer.nextOf('client-e', channel)).user_id, 'sender')
      },
    },
    {
      name: 'other connections of the same user hear it',
      spec: 'Events, Triggering client events',
      async play(stage) {
        const channel = stage.name('presence-')
        const [one, other] = [await stage.wire(), await stage.wire()]
        for (const client of [one, other]) await client.join(channel, '{"user_id":"ada"}')
        one.send({ event: 'client-e', channel, data: {} })
        await other.nextOf('client-e', channel)
      },
    },
    ...['private-cache-', 'presence-cache-'].map((prefix): Case => ({
      name: `they work on ${prefix}*`,
      spec: 'Cache channels (client events)',
      async play(stage) {
        const channel = stage.name(prefix)
        const [sender, hearer] = [await stage.wire(), await stage.wire()]
        const data = prefix === 'private-cache-' ? undefined : '{"user_id":"ada"}'
        for (const client of [sender, hearer]) {
          await client.join(channel, data)
          await client.nextOf('pusher:cache_miss', channel)
        }
        sender.send({ event: 'client-e', channel, data: {} })
        await hearer.nextOf('client-e', channel)
      },
    })),
    ...['', 'cache-'].map((prefix): Case => ({
      name: `on ${prefix === '' ? 'public' : 'cache-*'} channels they are refused, and nobody hears them`,
      spec: 'Events, Triggering client events (private and presence channels only)',
      async play(stage) {
        const channel = stage.name(prefix)
        const [sender, hearer] = [await stage.wire(), await stage.wire()]
        for (const client of [sender, hearer]) {
          await client.subscribe(channel)
          if (prefix !== '') await client.nextOf('pusher:cache_miss', channel)
        }
        sender.send({ event: 'client-e', channel, data: {} })
        await sender.expectError('a client event on a public channel')
        await stage.trigger(channel, 'end', '{}')
        await hearer.nextOf('end', channel)
      },
    })),
    {
      name: 'who is not subscribed is refused, and nobody hears it',
      spec: 'Hosted service: "connection not subscribed to channel"',
      async play(stage) {
        const { channel, hearer } = await makePair(stage)
        const stranger = await stage.wire()
        stranger.send({ event: 'client-e', channel, data: {} })
        await stranger.expectError('a client event of a stranger')
        await stage.trigger(channel, 'end', '{}')
        await hearer.nextOf('end', channel)
      },
    },
    ...UNHEARD.map(([what, event]): Case => ({
      name: `${what} is heard by nobody`,
      spec: 'Events, Triggering client events (names)',
      async play(stage) {
        const { channel, sender, hearer } = await makePair(stage)
        sender.send({ event, channel, data: {} })
        sender.send({ event: 'client-end', channel, data: {} })
        await hearer.nextOf('client-end', channel)
      },
    })),
    {
      name: 'more than ten in a second are refused with 4301, and the connection stays',
      spec: 'Protocol, Error codes (4301); Events, Rate limit your events',
      async play(stage) {
        const { channel, sender, hearer } = await makePair(stage)
        for (let index = 0; index < 30; index++)
          sender.send({ event: `client-${index}`, channel, data: {} })
        await sender.expectError('30 client events at once', 4301)
        for (let index = 0; index < 10; index++) await hearer.nextOf(`client-${index}`, channel)
        await sender.expectAlive(channel)
      },
    },
  ],
}
