/** Subscription counts. */
import type { Group } from '../case'
import type { WireClient } from '../clients/wire'
import { expectSame, parseJson } from '../mismatch'

/** What the next message about the number of subscribers says. @throws Mismatch */
async function nextCount(client: WireClient): Promise<unknown> {
  const { data } = await client.counts.next('pusher_internal:subscription_count')
  const { subscription_count } = parseJson('data', data) as { subscription_count?: unknown }
  return subscription_count
}

export const COUNTS: Group = {
  name: 'counts',
  about: 'subscribers are told how many they are',
  asked: 'the app must have subscription counts switched on: --with counts',
  cases: [
    {
      name: 'everybody is told after each subscription and each departure',
      spec: 'Events, Subscription count events',
      async play(stage) {
        const [one, other, channel] = [await stage.wire(), await stage.wire(), stage.name()]
        await one.subscribe(channel)
        expectSame('the count', await nextCount(one), 1)
        await other.subscribe(channel)
        for (const client of [one, other]) expectSame('the count', await nextCount(client), 2)
        other.leave(channel)
        expectSame('the count', await nextCount(one), 1)
      },
    },
    {
      name: 'pusher-js binds to pusher:subscription_count and has the number',
      spec: 'Events, Subscription count events',
      async play(stage) {
        const channel = stage.pusherJs().pusher.subscribe(stage.name())
        const told = new Promise<unknown>((resolve) =>
          channel.bind('pusher:subscription_count', resolve),
        )
        expectSame('data', await stage.wait('pusher:subscription_count', told), {
          subscription_count: 1,
        })
        expectSame('subscriptionCount', channel.subscriptionCount, 1)
      },
    },
    {
      name: 'presence channels tell none',
      spec: 'Events, Subscription count events (not on presence channels)',
      async play(stage) {
        const [one, open] = [await stage.wire(), stage.name()]
        await one.join(stage.name('presence-'), '{"user_id":"ada"}')
        await one.subscribe(open)
        const { channel } = await one.counts.next('pusher_internal:subscription_count')
        expectSame('the channel', channel, open)
      },
    },
  ],
}
