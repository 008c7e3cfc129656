/** WATCHED: misdeeds in an app that somebody watches: each makes rows, of which some are shown. */
import { APP_KEY, fillText, KIB, numberTexts, type Misdeed } from '../lib/misdeed'

const PATH = `/app/${APP_KEY}?protocol=7`
const PING = { last: '{"event":"pusher:ping","data":{}}', answer: 'pong' }

/** As long as other signatures are tried for. */
const PERSON = JSON.stringify(JSON.stringify({ user_id: '1', user_info: fillText('x', 3 * KIB) }))
const DEEP = JSON.stringify(`{"user_id":"1","user_info":${'['.repeat(1980)}${']'.repeat(1980)}}`)
const wrongly = (channel: string, data = PERSON): string =>
  `{"event":"pusher:subscribe","data":{"channel":"${channel}","auth":"${APP_KEY}:${fillText('ab', 64)}","channel_data":${data}}}`

const DATA = fillText('"', 10 * KIB)
const EVENT = JSON.stringify({ name: 'a', channels: numberTexts('c-', 100), data: DATA })

const OTHER_APPS = 30

const watched = (label: string, rest: Pick<Misdeed, 'commit'> & Partial<Misdeed>): Misdeed => ({
  label: `while one page watches: ${label}`,
  budgetMs: 5,
  ...rest,
  prepare: async (stage) => {
    await rest.prepare?.(stage)
    await stage.watch()
  },
})

export const WATCHED: readonly Misdeed[] = [
  watched('200 triggers to 100 channels at once', {
    commit: (stage) => Promise.all(Array.from({ length: 200 }, () => stage.post('/events', EVENT))),
  }),
  watched('500 wrong signatures of presence channels, over 3 KB each', {
    prepare: async (stage) => {
      for (let app = 0; app < OTHER_APPS; app++)
        await stage.admin('POST', '', `{"app":{"name":"other ${app}"}}`)
    },
    commit: (stage) =>
      stage.flood(
        numberTexts('presence-', 500).map((channel) => wrongly(channel)),
        { path: PATH, ...PING },
      ),
  }),
  watched('200 wrong signatures of presence channels, over deep data', {
    commit: (stage) =>
      stage.flood(
        numberTexts('presence-', 200).map((channel) => wrongly(channel, DEEP)),
        { path: PATH, ...PING },
      ),
  }),
  watched('500 subscriptions and as many departures', {
    commit: (stage) => {
      const crowd = stage.crowd(500)
      crowd.join((index) => [`c-${index}`])
      return crowd.leave()
    },
  }),
]
