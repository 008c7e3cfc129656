/** Webhooks. */
import type { Case, Group } from '../case'
import type { Delivery } from '../clients/receiver'
import { expectSame, expectThat } from '../mismatch'
import type { Hooks, Stage } from '../stage'

/** Departures are told after some three seconds. */
const TIMES = 3

type Fields = Readonly<Record<string, unknown>>

/** The next webhook of a name about a channel. @throws Mismatch */
const nextOf = (hooks: Hooks, name: string): Promise<Delivery> =>
  hooks(name).next(`the webhook ${name}`)

/** A case about one event: who makes it happen, and what it has besides its name and channel. */
const tell = (
  name: string,
  prefix: string,
  act: (stage: Stage, channel: string, hooks: Hooks) => Promise<Fields>,
): Case => ({
  name: `${name} is sent`,
  spec: `Webhooks, ${name}`,
  times: TIMES,
  async play(stage) {
    const channel = stage.name(prefix)
    const hooks = stage.hooks(channel)
    const expected = await act(stage, channel, hooks)
    const { event } = await nextOf(hooks, name)
    expectSame('the event', event, { name, channel, ...expected })
  },
})

const join = async (stage: Stage, channel: string, userId?: string) => {
  const client = await stage.wire()
  const data = userId === undefined ? undefined : JSON.stringify({ user_id: userId })
  await client.join(channel, data)
  return client
}

export const WEBHOOKS: Group = {
  name: 'webhooks',
  about: 'what an application is told by the server',
  asked: 'the app must send them to http://127.0.0.1:PORT: --webhooks PORT',
  cases: [
    {
      name: 'the server library trusts a webhook: key, signature and content type are right',
      spec: 'Webhooks, Security; Node SDK, webhook.isValid',
      times: TIMES,
      async play(stage) {
        const channel = stage.name()
        const hooks = stage.hooks(channel)
        await join(stage, channel)
        const { isValid, contentType, timeMs } = await nextOf(hooks, 'channel_occupied')
        expectSame('Content-Type', contentType, 'application/json')
        expectThat(isValid, 'a signature that is right', 'one that is not')
        expectThat(Number.isInteger(timeMs), 'time_ms in whole milliseconds', timeMs)
      },
    },
    tell('channel_occupied', '', async (stage, channel) => {
      await join(stage, channel)
      return {}
    }),
    tell('channel_vacated', '', async (stage, channel, hooks) => {
      const client = await join(stage, channel)
      await nextOf(hooks, 'channel_occupied')
      client.close()
      return {}
    }),
    tell('member_added', 'presence-', async (stage, channel) => {
      await join(stage, channel, 'ada')
      return { user_id: 'ada' }
    }),
    tell('member_removed', 'presence-', async (stage, channel, hooks) => {
      await join(stage, channel, 'ada')
      await nextOf(hooks, 'member_added')
      const bob = await join(stage, channel, 'bob')
      await nextOf(hooks, 'member_added')
      bob.close()
      return { user_id: 'bob' }
    }),
    tell('client_event', 'presence-', async (stage, channel) => {
      const client = await join(stage, channel, 'ada')
      client.send({ event: 'client-e', channel, data: { a: 1 } })
      const socket_id = client.socketId
      return { event: 'client-e', data: '{"a":1}', socket_id, user_id: 'ada' }
    }),
    tell('cache_miss', 'cache-', async (stage, channel) => {
      await join(stage, channel)
      return {}
    }),
    {
      name: 'a channel that is left and entered again at once is not vacated',
      spec: 'Webhooks, Delayed client events (3 s)',
      times: TIMES,
      async play(stage) {
        const [channel, later] = [stage.name(), stage.name()]
        const [hooks, hooksOfLater] = [stage.hooks(channel), stage.hooks(later)]
        const client = await join(stage, channel)
        await nextOf(hooks, 'channel_occupied')
        client.close()
        await join(stage, channel)
        const marker = await join(stage, later)
        await nextOf(hooksOfLater, 'channel_occupied')
        marker.close()
        await nextOf(hooksOfLater, 'channel_vacated')
        const told = ['channel_vacated', 'channel_occupied'].flatMap((name) => hooks(name).unread)
        expectThat(told.length === 0, 'no webhook', told[0]?.event)
      },
    },
    {
      name: 'a second connection of a member is not told, coming or going',
      spec: 'Webhooks, member_added',
      times: TIMES,
      async play(stage) {
        const channel = stage.name('presence-')
        const hooks = stage.hooks(channel)
        await join(stage, channel, 'ada')
        await nextOf(hooks, 'member_added')
        const again = await join(stage, channel, 'ada')
        again.close()
        const bob = await join(stage, channel, 'bob')
        expectSame('user_id', (await nextOf(hooks, 'member_added')).event['user_id'], 'bob')
        bob.close()
        expectSame('user_id', (await nextOf(hooks, 'member_removed')).event['user_id'], 'bob')
      },
    },
  ],
}
