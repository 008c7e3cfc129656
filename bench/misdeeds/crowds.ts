/** What many can do at once, and what one can do to a server with many. */
import { APP_KEY, numberTexts, type Misdeed } from '../lib/misdeed'
import type { Crowd, Stage } from '../lib/stage'

const CHANNELS = 2000
const SOCKETS = 50
const ROOM = 'presence-room'
const MANY_MEMBERS = { CARILLON_MAX_PRESENCE_MEMBERS: '6000' }

/** A hundred thousand channels, each with one subscriber, for requests that list them. */
const manyChannels = (stage: Stage, sockets = SOCKETS): Crowd => {
  const crowd = stage.crowd(sockets)
  crowd.join((index) => numberTexts(`c-${index}-`, CHANNELS))
  return crowd
}

/** Everybody is in one presence channel, under a name of their own. */
const manyMembers = (stage: Stage, members: number): Crowd => {
  const crowd = stage.crowd(members)
  crowd.join(() => [ROOM], String)
  return crowd
}

function makeClosing(label: string, sockets: number): Misdeed {
  let crowd: Crowd
  return {
    label,
    budgetMs: 5,
    before: (stage) => {
      crowd = manyChannels(stage, sockets)
    },
    commit: () => crowd.leave(),
    restMs: 1500,
    hasFloor: true,
  }
}

/** The connections of the time before have left. */
function makeArrival(
  label: string,
  size: number,
  atOnce: number,
  pathOf?: (stage: Stage) => string,
) {
  let crowd: Crowd | undefined
  return {
    label,
    budgetMs: 5,
    times: 3,
    before: () => crowd?.leave(),
    commit: (stage) => {
      const path = pathOf?.(stage)
      crowd = stage.crowd(size, { atOnce, ...(path !== undefined && { path }) })
    },
    restMs: 1000,
  } as const satisfies Misdeed
}

/** The connections are there; what counts is that all join. */
function makeJoining(label: string, size: number, userOf: (index: number) => string): Misdeed {
  let crowd: Crowd
  return {
    label,
    budgetMs: 5,
    env: MANY_MEMBERS,
    times: 1,
    before: (stage) => {
      crowd = stage.crowd(size)
    },
    commit: () => crowd.join(() => [ROOM], userOf),
  }
}

const list = (label: string, query: string): Misdeed => ({
  label,
  budgetMs: 5,
  prepare: (stage) => void manyChannels(stage),
  commit: (stage) => stage.get('/channels', query),
})

const EVENTS_PER_BATCH = 10
const UNSUBSCRIBE = JSON.stringify({ event: 'pusher:unsubscribe', data: { channel: 'room' } })

/** Nearly as many events are published at once as a channel may owe; meanwhile subscribers leave, one after the other. */
function makeUnsubscribing(subscribers: number, events: number): Misdeed {
  const event = { name: 'e', channel: 'room', data: 'x'.repeat(50) }
  const batch = JSON.stringify({ batch: Array<object>(EVENTS_PER_BATCH).fill(event) })
  let crowd: Crowd
  return {
    label: 'subscribers leave a channel that owes them 4 000 events',
    budgetMs: 5,
    before: (stage) => {
      crowd?.leave()
      crowd = stage.crowd(subscribers)
      crowd.join(() => ['room'])
    },
    commit: async (stage) => {
      let left = 0
      using _leaving = setInterval(() => {
        if (left < subscribers) crowd.send(left++, UNSUBSCRIBE)
      })
      await Promise.all(
        Array.from({ length: events / EVENTS_PER_BATCH }, () => stage.post('/batch_events', batch)),
      )
    },
  }
}

/** Nobody reads, while events of so many bytes go on: they stay in the buffers of the system. */
function makeStalling(subscribers: number, events: number, bytes: number): Misdeed {
  const event = { name: 'e', channel: 'room', data: 'x'.repeat(bytes) }
  const batch = JSON.stringify({ batch: Array<object>(EVENTS_PER_BATCH).fill(event) })
  let crowd: Crowd
  return {
    label: `${events} events of ${bytes} bytes for ${subscribers} stalled readers`,
    budgetMs: 5,
    times: 3,
    before: (stage) => {
      crowd?.leave()
      crowd = stage.crowd(subscribers)
      crowd.join(() => ['room'])
    },
    commit: (stage) =>
      Promise.all(
        Array.from({ length: events / EVENTS_PER_BATCH }, () => stage.post('/batch_events', batch)),
      ),
    restMs: 1000,
  }
}

let names = 0

function makeRenaming(): Misdeed {
  return {
    label: 'an app is renamed beside one of 100 000 subscriptions',
    budgetMs: 25,
    prepare: async (stage) => {
      await stage.admin('POST', '', '{"app":{"name":"renamed 0"}}')
      manyChannels(stage)
    },
    commit: (stage) =>
      stage.admin('PATCH', `/renamed-${names}`, `{"app":{"name":"renamed ${++names}"}}`),
  }
}

/** Over when all are closed: the collector comes after that, and takes 20 to 40 ms at a time. */
function makeSwitchingOff(): Misdeed {
  let [apps, name] = [0, '']
  let crowd: Crowd
  return {
    label: 'an app of 5 000 connections is switched off',
    budgetMs: 25,
    times: 3,
    before: async (stage) => {
      name = `crowded-${apps++}`
      await stage.admin('POST', '', JSON.stringify({ app: { name, key: name, secret: 's' } }))
      crowd = stage.crowd(5000, { path: `/app/${name}?protocol=7&client=bench&version=1` })
      crowd.join((index) => numberTexts(`c-${index}-`, 10))
    },
    commit: async (stage) => {
      await stage.admin('PATCH', `/${name}`, '{"app":{"active":false}}')
      crowd.awaitEnd()
    },
    restMs: 0,
  }
}

export const CROWDS: readonly Misdeed[] = [
  makeClosing('a socket of 2 000 channels closes', 1),
  makeClosing('50 sockets of 2 000 channels close', SOCKETS),
  { ...makeArrival('9 000 connects at once', 9000, 3000), hasFloor: true },
  makeJoining('1 000 presence joins at once', 1000, String),
  {
    ...makeJoining(
      '300 more connections of members who are there',
      300,
      (index) => `m${index % 10}`,
    ),
    times: 3,
  },
  makeStalling(300, 2000, 1900),
  makeUnsubscribing(300, 4000),
  makeRenaming(),
  list('the list of 100 000 channels', ''),
  list('the list of 100 000 channels with their counts', 'info=subscription_count'),
  {
    label: 'the users of a presence channel of 5 000',
    budgetMs: 5,
    env: MANY_MEMBERS,
    prepare: (stage) => void manyMembers(stage, 5000),
    commit: (stage) => stage.get(`/channels/${ROOM}/users`),
  },
  {
    label: 'one more joins a presence channel of 5 000',
    budgetMs: 5,
    env: MANY_MEMBERS,
    prepare: (stage) => void manyMembers(stage, 5000),
    commit: (stage) =>
      stage.crowd(1).join(
        () => [ROOM],
        () => `late ${names++}`,
      ),
  },
  {
    label: 'a sweep over 10 000 connections',
    budgetMs: 5,
    times: 2,
    prepare: (stage) => stage.crowd(10_000).join(() => ['room']),
    commit: () => undefined,
    restMs: 6000, // sweeps are five seconds apart
  },
  makeSwitchingOff(),
  {
    ...makeArrival('1 500 connects with RS256 tokens', 1500, 1500, (stage) => {
      const token = encodeURIComponent(stage.token())
      return `/app/${APP_KEY}?protocol=7&client=bench&version=1&guardian_token=${token}`
    }),
    side: 'guarded',
  },
]
