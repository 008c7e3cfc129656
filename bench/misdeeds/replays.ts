/** REPLAYS: misdeeds by asking for what a channel keeps. */
import { APP_KEY, fillText, KIB, numberTexts, type Misdeed } from '../lib/misdeed'
import type { Crowd, Flood, Stage } from '../lib/stage'

const ROOM = 'replayed'
/** More than one replay may hold, of a kilobyte each. */
const EVENTS = 800
/** As many as one replay may hold, where they are as small as can be. */
const SMALL_EVENTS = 2000
const PER_BATCH = 10
const RULE = { prefix: '', size: 3000, ttl_seconds: 600 }

/** Fills the channel with events. Resolves with its epoch. */
async function fill(stage: Stage, count = EVENTS, bytes = KIB): Promise<string> {
  await stage.admin('PATCH', '/app-bench', JSON.stringify({ app: { history: [RULE] } }))
  const event = { name: 'e', channel: ROOM, data: fillText('x', bytes) }
  const body = JSON.stringify({ batch: Array(PER_BATCH).fill(event) })
  for (let sent = 0; sent < count; sent += PER_BATCH) await stage.post('/batch_events', body)
  return JSON.parse(await stage.get(`/channels/${ROOM}/history`, 'limit=1')).epoch
}

const subscribe = (more: object): string =>
  JSON.stringify({ event: 'pusher:subscribe', data: { channel: ROOM, ...more } })
const UNSUBSCRIBE = JSON.stringify({ event: 'pusher:unsubscribe', data: { channel: ROOM } })

/** Enters and leaves the channel, over and over. */
const repeat = (text: string, times: number): readonly string[] =>
  Array.from({ length: times }, () => [text, UNSUBSCRIBE]).flat()

const PUSHER: Flood = {
  path: `/app/${APP_KEY}?protocol=7&client=bench&version=1`,
  last: '{"event":"pusher:ping","data":{}}',
  answer: 'pusher:pong',
}

/** Texts of one socket, in a row. */
const flood = (label: string, texts: readonly string[]): Misdeed => ({
  label,
  budgetMs: 5,
  prepare: (stage) => fill(stage),
  commit: (stage) => stage.flood(texts, PUSHER),
})

/** All of them come back at once, a hundred events behind. */
function comeBack(label: string, clients: number): Misdeed {
  let epoch = ''
  let crowd: Crowd
  return {
    label,
    budgetMs: 5,
    prepare: async (stage) => {
      epoch = await fill(stage)
    },
    before: (stage) => {
      crowd = stage.crowd(clients)
    },
    commit: () => crowd.say(() => subscribe({ since: { epoch, offset: EVENTS - 100 } })),
  }
}

/** One socket asks again and again for all of very many small events. */
function replaySmall(label: string, times: number): Misdeed {
  let texts: readonly string[] = []
  return {
    label,
    budgetMs: 5,
    prepare: async (stage) => {
      const since = { epoch: await fill(stage, SMALL_EVENTS, 1), offset: 0 }
      texts = repeat(subscribe({ since }), times)
    },
    commit: (stage) => stage.flood(texts, PUSHER),
  }
}

const read = (label: string, times: number): Misdeed => ({
  label,
  budgetMs: 5,
  prepare: (stage) => fill(stage),
  commit: async (stage) => {
    const reads = Array.from({ length: times }, () =>
      stage.get(`/channels/${ROOM}/history`, 'limit=1000'),
    )
    await Promise.all(reads)
  },
})

const KEYS = numberTexts('k', 6000).join('":1,"')

export const REPLAYS: readonly Misdeed[] = [
  flood(
    '10 replays of half a megabyte, one after the other',
    repeat(subscribe({ rewind: 1000 }), 10),
  ),
  flood(
    '60 KB of keys in a position',
    Array(60).fill(
      `{"event":"pusher:subscribe","data":{"channel":"${ROOM}","since":{"${KEYS}":1}}}`,
    ),
  ),
  replaySmall('10 replays of 2 000 small events, one after the other', 10),
  comeBack('200 clients that come back at once, 100 KB behind', 200),
  read('20 reads of half a megabyte of kept events', 20),
]
