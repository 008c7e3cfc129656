/** Contract 5, parts 3 and 4: who watches whom, and the order of the notifications. */
import type { Row } from './row'
import { takeNews, makeOffline, makeOnline, openTab, makeWatcher } from './users'

export const WATCHED: readonly Row[] = [
  {
    row: '5.3',
    statement: 'the state at the sign-in is grouped, without empty groups, and has no channel',
    run: async (server) => {
      await using one = await openTab(server, makeWatcher('1', '2', '3'))
      const first = await one.next()
      await using two = await openTab(server, makeWatcher('2', '1', '3'))
      return [first, await takeNews(two, 1)]
    },
    expected: [
      '{"event":"pusher_internal:watchlist_events","data":"{\\"events\\":[{\\"name\\":\\"offline\\",\\"user_ids\\":[\\"2\\",\\"3\\"]}]}"}',
      [[makeOffline('3'), makeOnline('1')]],
    ],
  },
  {
    row: '5.3',
    statement: 'every connection of every watcher hears of the first and of the last one, at once',
    run: async (server) => {
      const watchers = [
        await openTab(server, makeWatcher('eve', 'ada')),
        await openTab(server, makeWatcher('eve', 'ada')),
        await openTab(server, makeWatcher('bob', 'ada')),
      ]
      for (const watcher of watchers) await watcher.next()
      const [first, second] = [await openTab(server), await openTab(server)]
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
      const heard = await Promise.all(watchers.map((watcher) => takeNews(watcher, 2)))
      for (const watcher of watchers) await watcher[Symbol.asyncDispose]()
      return heard
    },
    expected: Array.from({ length: 3 }, () => [[makeOnline('ada')], [makeOffline('ada')]]),
  },
  {
    row: '5.3',
    statement: 'of more than a hundred the first hundred are watched, and 4302 names them',
    run: async (server) => {
      const ids = Array.from({ length: 101 }, (_, n) => `u${n}`)
      await using client = await openTab(server, makeWatcher('ada', ...ids))
      const { data } = await client.nextJson()
      const { code, message } = data as { code: number; message: string }
      const [[watched]] = (await takeNews(client, 1)) as [[string[]]]
      return [
        code,
        message.includes(ids.slice(0, 100).join(', ')),
        message.includes('u100'),
        watched.length,
      ]
    },
    expected: [4302, true, false, 101],
  },
  {
    row: '5.4',
    statement: 'success, then 4302, then the watchlist; watchers hear after it',
    options: { limits: { maxWatchedUsers: 1 } },
    run: async (server) => {
      await using eve = await openTab(server, makeWatcher('eve', 'ada'))
      await using ada = await server.raw()
      server.signin(ada, JSON.stringify(makeWatcher('ada', 'eve', 'bob')))
      return [await takeNews(ada, 3), await takeNews(eve, 2)]
    },
    expected: [
      ['pusher:signin_success', 'pusher:error', [makeOnline('eve')]],
      [[makeOffline('ada')], [makeOnline('ada')]],
    ],
  },
]
