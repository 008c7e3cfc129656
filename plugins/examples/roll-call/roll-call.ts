/**
 * Tells a presence channel who is in it: whoever sends `client-ask` there has the server publish `members`, with
 * the ids of all. For clients that keep no list of their own, such as small devices.
 */
import { definePlugin, type AppView } from 'carillon/plugin'

export const rollCall = () =>
  definePlugin({
    name: 'roll-call',
    carillon: 1,
    setup({ members, publish, counter, log }) {
      const answered = counter('answered', 'questions that were answered')

      async function answer(app: AppView, channel: string): Promise<void> {
        const ids = (await members(app, channel)).map(({ userId }) => userId)
        await publish(app, { channel, name: 'members', data: { ids } })
        answered.count++
      }

      return {
        clientEvent({ app }, { event, channel }) {
          if (event !== 'client-ask' || !app || !channel.startsWith('presence-')) return
          answer(app, channel).catch((cause) => log.debug({ channel, err: cause }, 'not answered'))
        },
      }
    },
  })
