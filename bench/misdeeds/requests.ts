/** REQUESTS: misdeeds by HTTP. */
import { APP_KEY, fillText, KIB, MIB, numberTexts, type Misdeed } from '../lib/misdeed'
import type { Stage } from '../lib/stage'

const LONGPOLL = `/socket/longpoll?app_key=${APP_KEY}&vsn=2.0.0`
const NDJSON = { 'content-type': 'application/x-ndjson' }

function longPoll(label: string, body: string): Misdeed {
  let path = ''
  return {
    label,
    budgetMs: 5,
    before: async (stage) => {
      const { token } = JSON.parse(await stage.http(LONGPOLL)) as { token: string }
      path = `${LONGPOLL}&token=${encodeURIComponent(token)}`
    },
    commit: (stage) => stage.http(path, { method: 'POST', body, headers: NDJSON }),
  }
}

const trigger = (label: string, body: string, path = '/events'): Misdeed => ({
  label,
  budgetMs: 5,
  commit: (stage) => stage.post(path, body),
})

const toChannels = (bytes: number): string =>
  `{"name":"a","data":"","channels":[${fillText('1,', bytes)}1]}`
const withList = (bytes: number): string =>
  `{"name":"a","channel":"a","data":[${fillText('1,', bytes)}1]}`

const KEYS = numberTexts('key-', 32_000).join('":1,"')
const withKeys = (before: string, after: string): string =>
  `{"name":"a","channel":"a",${before}"${KEYS}":1${after}}`

const TEXTS = numberTexts('', 60_000)
  .map((text) => `"${text}"`)
  .join()
const OBJECTS = numberTexts('k', 60_000)
  .map((key) => `{"${key}":1}`)
  .join()

/** By an app's backend, to the API of PushEx. */
const push = (label: string, body: string, type: string): Misdeed => ({
  label,
  budgetMs: 5,
  commit: (stage) => {
    const { key, secret } = stage.peer.app
    const headers = { 'content-type': type, authorization: `Basic ${btoa(`${key}:${secret}`)}` }
    return stage.http('/api/push', { method: 'POST', body, headers })
  },
})

/** As many values as are read, and space. */
const spacedList = (bytes: number): string =>
  `[${fillText('1 ,', 190 * KIB)}1${fillText(' ', bytes - 190 * KIB)}]`
const batchOf = (data: string): string => `{"batch":[{"name":"a","channel":"a","data":${data}}]}`

/** As long as it may be, all of it escaped. */
const DATA = fillText('"', 10 * KIB)

const publishToHundred = (): string =>
  JSON.stringify({ name: 'a', channels: numberTexts('c-', 100), data: DATA })

const FORM = 'application/x-www-form-urlencoded'
const JSON_TEXT = 'application/json'

const adminBody = (label: string, body: string, type: string): Misdeed => ({
  label,
  budgetMs: 25,
  commit: (stage) => stage.admin('POST', '', body, type),
})

/** The longest that an admin's body may be. */
const ADMIN_BYTES = MIB - 100
const DEPTH = ADMIN_BYTES / 2 - 10

let apps = 0
const makeApp = (stage: Stage): Promise<string> =>
  stage.admin('POST', '', `{"app":{"name":"app ${apps++}"}}`)

async function requestWrongly(stage: Stage): Promise<void> {
  const query = `auth_key=${APP_KEY}&auth_signature=a${numberTexts('&p', 1500).join('=12')}`
  const path = `/apps/bench/channels?${query}`.slice(0, 15 * KIB)
  for (let index = 0; index < 40; index++) await stage.http(path)
}

/** As many requests as fit into some reads, one behind the other; the socket may be closed for it. */
const makePipelined = (label: string, head: string): Misdeed => ({
  label,
  budgetMs: 5,
  commit: (stage) =>
    stage.pour(Buffer.alloc(MIB, `${head}\r\nhost: bench\r\ncontent-length: 0\r\n\r\n`)),
})

export const REQUESTS: readonly Misdeed[] = [
  longPoll('long-poll, 8 MB of line ends', fillText('\n', 8 * MIB)),
  longPoll('long-poll, 8 MB of one letter', fillText('a', 8 * MIB)),
  longPoll('long-poll, 900 KB of short lines', fillText('a\n', 900 * KIB)),
  trigger('trigger to 4 MB of channels', toChannels(4 * MIB - 100)),
  trigger('trigger to 500 KB of channels', toChannels(500 * KIB)),
  trigger('trigger with 4 MB of list for data', withList(4 * MIB - 100)),
  trigger('trigger with 500 KB of list for data', withList(500 * KIB)),
  trigger('trigger with 450 KB of keys', withKeys('"data":"x",', '')),
  trigger('trigger with 450 KB of keys in data', withKeys('"data":{', '}')),
  trigger(
    'batch with 500 KB of spaced list for data',
    batchOf(spacedList(500 * KIB)),
    '/batch_events',
  ),
  makePipelined('1 MB of pipelined requests for /up', 'GET /up HTTP/1.1'),
  makePipelined('1 MB of pipelined unsigned triggers', 'POST /apps/bench/events HTTP/1.1'),
  {
    label: 'a trigger to 100 channels, each heard in three formats',
    budgetMs: 5,
    before: (stage) => {
      // Anew each time: nobody reads meanwhile, and who is far behind is closed.
      for (const format of ['pusher', 'phoenix 1', 'phoenix 2'] as const)
        stage.crowd(1, { format }).join(() => numberTexts('c-', 100))
    },
    commit: (stage) => stage.post('/events', publishToHundred()),
  },
  {
    label: '200 triggers to 100 channels at once',
    budgetMs: 5,
    commit: (stage) => {
      const body = publishToHundred()
      return Promise.all(Array.from({ length: 200 }, () => stage.post('/events', body)))
    },
  },
  {
    label: 'info asked for 700 times, of 1 000 channels',
    budgetMs: 5,
    prepare: (stage) => stage.crowd(1).join(() => numberTexts('c-', 1000)),
    commit: (stage) =>
      stage.get('/channels', `info=${fillText('user_count,', 700 * 11)}user_count`),
  },
  { label: '40 wrong signatures over 15 KB of query', budgetMs: 5, commit: requestWrongly },
  trigger('a list of 60 000 texts', `{"name":"a","channel":"a","data":[${TEXTS}]}`),
  push('a push of 32 000 keys', withKeys('"event":"a","data":{', '}'), JSON_TEXT),
  push('a form of escapes', `event=a&channel=a&data=%EF%BF%BD${fillText('%', 500 * KIB)}`, FORM),
  adminBody('60 000 objects', `{"app":[${OBJECTS}]}`, JSON_TEXT),
  adminBody('a form of 60 000 pairs', fillText('app[name]=a&', ADMIN_BYTES), FORM),
  adminBody('a form with one deep key', `app${'[a]'.repeat(ADMIN_BYTES / 3 - 10)}=1`, FORM),
  adminBody(
    'nested 1 MB of admin JSON',
    `{"app":{"name":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}}`,
    JSON_TEXT,
  ),
  {
    label: 'the OpenAPI document, the first time',
    budgetMs: 25,
    times: 1,
    commit: (stage) => stage.http('/swagger/json'),
  },
  {
    label: 'an app made among 10 000',
    budgetMs: 25,
    prepare: async (stage) => {
      while (apps < 10_000) await makeApp(stage)
    },
    commit: makeApp,
  },
]
