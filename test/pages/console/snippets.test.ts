/**
 * What /console shows to connect with, run from the very text against a server, also below a path prefix. The rest is in
 * `test/field`: the page and the command line (`console/snippets.test.ts`), Go and Python with their SDKs (`sdks`), PHP,
 * Ruby and the sketch for an ESP32 with what stands for theirs (`console/languages.test.ts`).
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  httpUrl,
  isLocalOnly,
  parseAddress,
  socketUrl,
} from '../../../src/pages/console/connect/address'
import {
  coveredText,
  noteOn,
  PLACES,
  SNIPPETS,
  snippetOf,
} from '../../../src/pages/console/connect/snippets'
import type { ConnectedApp } from '../../../src/pages/console/connect/snippet'
import { makeBasicAuth } from '../../credentials'
import { Inbox, startCommon } from '../../harness'

const APP: ConnectedApp = {
  id: '7',
  name: `O'Neil & "Söhne" </h1>`,
  slug: 'o-neil',
  key: 'k7',
  secret: `s'"$\\#{}<`,
}
const DATA = { hello: 'world' }
const PUSH = { channel: 'my-channel', event: 'my-event', data: DATA }
const TO_SCOPE = { scope: 'public', topic: 'my-channel', event: 'my-event', payload: DATA }

/** Files are in a place from which the packages are found. */
const CACHE = join(import.meta.dir, '../../../node_modules/.cache')
let folder = ''
let files = 0
beforeAll(async () => {
  await mkdir(CACHE, { recursive: true })
  folder = await mkdtemp(`${CACHE}/snippets-`)
})
afterAll(() => rm(folder, { recursive: true }))

/** Clients by the expression that ends them. */
const CLIENTS = [
  ['pusher-js', 'pusher.disconnect()'],
  ['echo', 'echo.disconnect()'],
  ['phoenix', 'socket.disconnect()'],
  ['expusherlite', 'socket.disconnect()'],
  ['pushex', 'pushex.disconnect()'],
] as const
const SENDERS = ['curl', 'node']

describe.each(['', '/ws'])('below the prefix %j', (pathPrefix) => {
  const server = startCommon({ apps: [APP], config: { pathPrefix } })
  const address = () => parseAddress(`http://127.0.0.1:${server().port}${pathPrefix}`)
  const textOf = (id: string): string => snippetOf(id).lines(APP, address())

  /** As other SDKs do it, or ExPusherLite's model. */
  const send = async (path = '/api/push', body: object = PUSH): Promise<void> => {
    const { status } = await fetch(httpUrl(address()) + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...makeBasicAuth(`${APP.key}:${APP.secret}`) },
      body: JSON.stringify(body),
    })
    expect(status).toBe(200)
  }

  test.each(CLIENTS)('%s connects, subscribes and prints', async (id, end) => {
    const before = server().totals.messagesReceived
    using client = await run(`${textOf(id)}export const end = () => ${end}\n`)
    await server().waitForReceived(before + 1)
    await (id === 'expusherlite' ? send(`/api/apps/${APP.slug}/events`, TO_SCOPE) : send())
    expect(await client.printed.next('what is printed')).toEqual(DATA)
    client.end()
    await server().waitForConnections(0)
  })

  test('the sketch for an ESP32 sends what subscribes, and its library answers pings', async () => {
    const text = textOf('esp32')
    const [, host, port, path] = /socket\.begin\("(.+)", (\d+), "(.+)"\)/.exec(text)!
    expect([host, Number(port)]).toEqual(['127.0.0.1', server().port])
    await using device = await server().raw({ path: path!, protocols: ['arduino'] })
    const [, literal] = /sendTXT\((".+")\)/.exec(text)!
    device.send(JSON.parse(literal!) as string) // no octal escape is in it
    expect((await device.nextJson()).event).toBe('pusher_internal:subscription_succeeded')
    await send()
    expect((await device.nextJson()).data).toBe(JSON.stringify(DATA))
  })

  test.each(SENDERS)('what %s sends arrives', async (id) => {
    await using listener = await server().raw({ path: `${pathPrefix}/app/${APP.key}?protocol=7` })
    await listener.subscribed('my-channel')
    const needsRoot = snippetOf(id).needsRoot === true && pathPrefix !== ''
    if (id === 'curl') await runShell(textOf(id))
    else if (needsRoot) await expect(load(textOf(id))).rejects.toThrow('404')
    else await load(textOf(id))
    if (needsRoot) await send()
    const { channel, event, data } = await listener.nextJson()
    expect([channel, event, data]).toEqual(['my-channel', 'my-event', JSON.stringify(DATA)])
  })
})

/** A snippet as a module. */
async function load(text: string): Promise<unknown> {
  return import(await write(text))
}

async function write(text: string): Promise<string> {
  const file = `${folder}/${files++}.mjs`
  await Bun.write(file, text)
  return file
}

/** A snippet in a thread of its own, with libraries that no other test has changed; `end` is what the test has added. */
async function run(text: string) {
  const printed = new Inbox<unknown>()
  const thread = new Worker(
    await write(`
      globalThis.window = globalThis // for the bundle of PushEx
      console.log = (item) => postMessage(item)
      const { end } = await import(${JSON.stringify(await write(text))})
      addEventListener('message', end)
    `),
  )
  thread.addEventListener('message', ({ data }) => printed.push(data))
  thread.addEventListener('error', ({ message }) => printed.push(message))
  const end = () => thread.postMessage('end')
  return { printed, end, [Symbol.dispose]: () => thread.terminate() }
}

async function runShell(text: string): Promise<void> {
  const child = Bun.spawn(['sh', '-c', text], { stdout: 'pipe', stderr: 'ignore' })
  expect([await new Response(child.stdout).text(), await child.exited]).toEqual([
    JSON.stringify({ channel: ['my-channel'], data: DATA, event: 'my-event' }),
    0,
  ])
}

// ---------------------------------------------------------------- the texts

const TLS = parseAddress('https://push.example.com')
const LOCAL = parseAddress('http://127.0.0.1:6001')
const BELOW = parseAddress('https://push.example.com:8443/ws/')

/** Options by which the stock SDKs find a server with TLS, of each snippet that is not run with it. */
const OPTIONS: readonly (readonly [id: string, at: typeof TLS, lines: readonly string[]])[] = [
  [
    'pusher-js',
    TLS,
    ["wsHost: 'push.example.com',", 'wssPort: 443,', 'httpsPort: 443,', 'forceTLS: true,'],
  ],
  ['pusher-js', BELOW, ['wssPort: 8443,', "wsPath: '/ws',", "httpPath: '/ws',"]],
  ['echo', BELOW, ["key: 'k7',", 'wssPort: 8443,', "wsPath: '/ws',", 'forceTLS: true,']],
  ['html', BELOW, ['wssPort: 8443,', "wsPath: '/ws',", 'forceTLS: true,']],
  ['phoenix', BELOW, ["new Socket('wss://push.example.com:8443/ws/socket', {"]],
  ['pushex', TLS, ["new Pushex('wss://push.example.com/push_socket', {"]],
  [
    'esp32',
    BELOW,
    ['socket.beginSSL("push.example.com", 8443, "/ws/app/k7?protocol=7&client=esp32");'],
  ],
  ['curl', BELOW, ["'https://push.example.com:8443/ws/api/push'"]],
  ['node', TLS, ["host: 'push.example.com',", "port: '443',", 'useTLS: true,']],
  [
    'php',
    BELOW,
    [
      "'host' => 'push.example.com',",
      "'port' => 8443,",
      "'scheme' => 'https',",
      "'useTLS' => true,",
      "'path' => '/ws',",
    ],
  ],
  ['laravel', TLS, ['PUSHER_HOST=push.example.com', 'PUSHER_PORT=443', 'PUSHER_SCHEME=https']],
  ['laravel', BELOW, ["'path' => '/ws',"]],
  ['ruby', TLS, ["host: 'push.example.com',", 'port: 443,', 'use_tls: true']],
  ['python', TLS, ['host="push.example.com",', 'port=443,', 'ssl=True,']],
  ['go', TLS, ['Host:   "push.example.com:443",', 'Secure: true,']],
  ['command-line', BELOW, ["@push.example.com:8443/ws/apps/7'"]],
]
test.each(OPTIONS)('%s at %j', (id, address, lines) => {
  const text = snippetOf(id).lines(APP, address)
  for (const line of lines) expect(text).toContain(line)
})

/** As each language has it; quotes.test.ts reads them back. */
const SECRETS: Readonly<Record<string, string>> = {
  curl: String.raw`'k7:s'\''"$\#{}<'`,
  node: String.raw`secret: 's\'"$\\#{}\u003c',`,
  php: String.raw`    's\'"$\\#{}<',`,
  laravel: String.raw`PUSHER_APP_SECRET="s'\"\$\\#{}<"`,
  ruby: String.raw`secret: 's\'"$\\#{}<',`,
  python: String.raw`secret="s'\"$\\#{}<",`,
  go: String.raw`Secret: "s'\"$\\#{}<",`,
  'command-line': 's%27%22%24%5C%23%7B%7D%3C@',
}

test('servers alone have the secret, each in the quotes of its language', () => {
  const has = SNIPPETS.filter(({ place }) => place === 'server').map(({ id }) => id)
  expect(Object.keys(SECRETS).toSorted()).toEqual(has.toSorted())
  for (const { id, lines } of SNIPPETS) {
    const text = lines({ ...APP, secret: id in SECRETS ? APP.secret : 'sEcReT' }, TLS)
    if (id in SECRETS) expect(text).toContain(SECRETS[id]!)
    else expect(text).not.toContain('sEcReT')
  }
})

test('a covered text is that of all but its secret', () => {
  for (const each of SNIPPETS) {
    const text = coveredText(each, APP, TLS)
    expect([each.id, text.includes('YOUR_SECRET') === each.id in SECRETS]).toEqual([each.id, true])
    expect(SECRETS[each.id] !== undefined && text.includes(SECRETS[each.id]!)).toBe(false)
  }
})

test('every snippet has an address and a place in the list; other addresses are the first', () => {
  expect(new Set(SNIPPETS.map(({ id }) => id)).size).toBe(SNIPPETS.length)
  expect(PLACES.flatMap(({ snippets }) => snippets)).toEqual([...SNIPPETS])
  expect(snippetOf('go').name).toBe('Go')
  expect([snippetOf(undefined), snippetOf('cobol')]).toEqual([SNIPPETS[0]!, SNIPPETS[0]!])
})

const NOTES = [
  ['a path prefix, where the SDK has no option', BELOW, false, ['node', 'ruby', 'python', 'go']],
  ['nothing', TLS, true, []],
  ['a device, which is no part of this machine', LOCAL, false, ['esp32']],
  ['no TLS, which the app asks for', LOCAL, true, SNIPPETS.map(({ id }) => id)],
] as const
test.each(NOTES)('a note on %s', (_, address, isTlsOnly, expected) => {
  const noted = SNIPPETS.filter((each) => noteOn(each, address, isTlsOnly) !== undefined)
  expect(noted.map(({ id }) => id)).toEqual([...expected])
})

test.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'push.example.com', '10.0.0.7'])(
  '%s is only for this machine, or not',
  (host) => {
    const isLocal = !['push.example.com', '10.0.0.7'].includes(host)
    expect(isLocalOnly({ ...TLS, host })).toBe(isLocal)
  },
)

test('a name is text of the page, and cannot add to it', () => {
  const text = snippetOf('html').lines({ ...APP, name: '<img onerror=x>', key: '</script>' }, TLS)
  expect(text).toContain('<h1>&lt;img onerror=x&gt;</h1>')
  expect(text.match(/<\/script>/g)).toHaveLength(2)
})

// ---------------------------------------------------------------- the address

const URLS = [
  ['http://127.0.0.1:6001/', 'http://127.0.0.1:6001', 'ws://127.0.0.1:6001'],
  ['http://[::1]:6001/', 'http://[::1]:6001', 'ws://[::1]:6001'],
  ['https://push.example.com/', 'https://push.example.com', 'wss://push.example.com'],
  [
    'https://push.example.com:8443/',
    'https://push.example.com:8443',
    'wss://push.example.com:8443',
  ],
  ['http://example.com/a/b/', 'http://example.com/a/b', 'ws://example.com/a/b'],
  ['https://example.com:80/', 'https://example.com:80', 'wss://example.com:80'],
]
test.each(URLS)('%s is reached at %s and %s', (url, http, socket) => {
  expect([httpUrl(parseAddress(url)), socketUrl(parseAddress(url))]).toEqual([http, socket])
})
