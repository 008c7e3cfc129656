/**
 * The stock SDKs of other languages against a real server. Each has a program in a folder beside this
 * file that makes every call of the SDK and prints a line per check; meanwhile connections watch what
 * arrives.
 *
 * A program prints `ok NAME`, `not ok NAME: WHAT WAS GOT`, or `auth CHANNEL JSON`: a signature for
 * the connection of `SOCKET_ID`, to subscribe with.
 */
import { beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { parseAddress } from '../../../src/pages/console/connect/address'
import { snippetOf } from '../../../src/pages/console/connect/snippets'
import { readPage } from '../../docs/pages'
import { start, type RawClient, type TestServer } from '../../harness'
import { execute, INSTALL_MS, pythonIn, type Command } from '../commands'
import { expectSigns, type Backend } from '../examples/backends'
import { describeWith, type Program } from '../programs'
import {
  END,
  EVENTS,
  PUBLIC_CHANNELS,
  ROOM,
  SUBSCRIPTIONS,
  VAULT,
  type ExpectedEvent,
  type SdkName,
} from './expected'

type Sdk = {
  readonly name: SdkName
  readonly toolchain: Program
  /** Run in the SDK's folder, as is `run`. */
  readonly install: readonly Command[]
  readonly run: Command
  /** What the console shows to connect with. */
  readonly snippet: {
    readonly id: string
    /** Files of the SDK's folder that stand beside it. */
    readonly beside: readonly string[]
    /** Run in a folder of its own. */
    readonly run: Command
  }
  /** The backend that examples/auth-server/README.md shows; its files stand beside it, too. */
  readonly backend: Backend
  /** The SDK with its version, as that README installs it. */
  readonly pinned: string
}

const SDKS: readonly Sdk[] = [
  {
    name: 'go-v4',
    toolchain: 'go',
    install: [['go', 'build', '-o', '../.cache/go-v4', '.']],
    run: ['../.cache/go-v4'],
    snippet: { id: 'go', beside: ['go.mod', 'go.sum'], run: ['go', 'run', '.'] },
    backend: {
      language: 'go',
      file: 'main.go',
      // What `go run` starts would stay when that is ended.
      run: ['sh', '-c', 'go build -o backend . && exec ./backend'],
    },
    pinned: 'github.com/pusher/pusher-http-go@v4.0.1',
  },
  {
    name: 'python',
    toolchain: 'python3',
    install: pythonIn('../.cache/python'),
    run: ['../.cache/python/bin/python', 'main.py'],
    snippet: { id: 'python', beside: [], run: ['../python/bin/python', 'trigger.py'] },
    backend: { language: 'python', file: 'app.py', run: ['../python/bin/python', 'app.py'] },
    pinned: 'pusher==3.3.4',
  },
]

const RUN_MS = 120_000
const MASTER_KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64')

for (const sdk of SDKS)
  describeWith(sdk.toolchain, `the SDK ${sdk.name}`, () => {
    const TIMEOUT = { timeout: INSTALL_MS + RUN_MS }
    beforeAll(() => install(sdk), INSTALL_MS)
    test.each(['http', 'https'] as const)(
      'gets what it asks for by %s, and subscribers get what it publishes',
      (scheme) => tryOut(sdk, scheme),
      TIMEOUT,
    )
    test('sends what the snippet of the console says', () => tryOutSnippet(sdk), TIMEOUT)
    test('signs as the README of examples/auth-server says', () => tryOutBackend(sdk), TIMEOUT)
  })

const folderOf = ({ name }: Sdk): string => `${import.meta.dir}/${name}`

async function install(sdk: Sdk): Promise<void> {
  const circumstances = { cwd: folderOf(sdk), timeoutMs: INSTALL_MS }
  for (const command of sdk.install) await execute(command, circumstances)
}

// ---------------------------------------------------------------- its snippet

/** Its secret has what means something in a literal. */
const APP = { id: '7', name: 'Its app', slug: 'its-app', key: 'k7', secret: `s'"$\\#{}%` }

async function tryOutSnippet(sdk: Sdk): Promise<void> {
  const { id, beside, run } = sdk.snippet
  const { file, lines } = snippetOf(id)
  const cwd = `${import.meta.dir}/.cache/snippet-${id}`
  await using server = await start({ apps: [APP] })
  await using listener = await server.raw()
  await listener.subscribed('my-channel')
  await Bun.write(`${cwd}/${file}`, lines(APP, parseAddress(`http://127.0.0.1:${server.port}`)))
  for (const name of beside) await Bun.write(`${cwd}/${name}`, Bun.file(`${folderOf(sdk)}/${name}`))
  await execute(run, { cwd, timeoutMs: RUN_MS })
  const { event, data } = await listener.nextJson()
  expect([event, JSON.parse(data as string)]).toEqual(['my-event', { hello: 'world' }])
}

async function tryOutBackend(sdk: Sdk): Promise<void> {
  expect(await readPage('examples/auth-server/README.md')).toContain(sdk.pinned)
  const pins = sdk.name === 'python' ? 'requirements.txt' : 'go.mod'
  const here = await Bun.file(`${folderOf(sdk)}/${pins}`).text()
  expect(here).toContain(sdk.pinned.replace('@', ' '))
  const cwd = `${import.meta.dir}/.cache/backend-${sdk.name}`
  for (const name of sdk.snippet.beside)
    await Bun.write(`${cwd}/${name}`, Bun.file(`${folderOf(sdk)}/${name}`))
  await expectSigns(sdk.backend, cwd)
}

// ---------------------------------------------------------------- one SDK

/** A certificate for 127.0.0.1, which no authority has signed: the programs are told to trust it. */
const CERT = join(import.meta.dir, '../../tls/first.crt')
const PAIR = { tlsCertFile: CERT, tlsKeyFile: CERT.replace('.crt', '.key') }

/** The one is read by Go itself, the other by the program in Python. */
const TRUST = { SSL_CERT_FILE: CERT, CERT_FILE: CERT }

async function tryOut(sdk: Sdk, scheme: 'http' | 'https'): Promise<void> {
  await using server = await start({ config: scheme === 'https' ? PAIR : {} })
  await using guest = await server.raw()
  await using listener = await server.raw()
  await using left = await server.raw()
  await enterRoom(server, guest, '2')
  for (const client of [listener, left]) {
    await subscribe(server, client)
    await enterRoom(server, client, '1')
  }

  const output = await execute(sdk.run, {
    cwd: folderOf(sdk),
    timeoutMs: RUN_MS,
    variables: { ...environmentFor(server, scheme, left.socketId), ...TRUST },
  })
  const { checks, refused, signed } = readOutput(output)
  expect(refused).toEqual([])
  expect(checks).toBeGreaterThan(20)
  const expected = EVENTS.filter(({ only }) => only === undefined || only.includes(sdk.name))
  await checkArrivals(listener, expected)
  await checkArrivals(
    left,
    expected.filter(({ exclusive }) => !exclusive),
  )
  await checkSignatures(left, signed)
}

function environmentFor(
  { app, port }: TestServer,
  scheme: string,
  socketId: string,
): Record<string, string> {
  return {
    PUSHER_SCHEME: scheme,
    PUSHER_HOST: '127.0.0.1',
    PUSHER_PORT: String(port),
    PUSHER_APP_ID: app.id,
    PUSHER_APP_KEY: app.key,
    PUSHER_APP_SECRET: app.secret,
    PUSHER_URL: `${scheme}://${app.key}:${app.secret}@127.0.0.1:${port}/apps/${app.id}`,
    PUSHER_MASTER_KEY: MASTER_KEY,
    SOCKET_ID: socketId,
  }
}

async function subscribe(server: TestServer, client: RawClient): Promise<void> {
  for (const channel of PUBLIC_CHANNELS) await client.subscribed(channel)
  const sdk = server.sdk({ encryptionMasterKeyBase64: MASTER_KEY })
  await client.subscribed(VAULT, sdk.authorizeChannel(client.socketId, VAULT).auth)
}

async function enterRoom(server: TestServer, client: RawClient, userId: string): Promise<void> {
  const user = { user_id: userId }
  const { auth, channel_data: data } = server.sdk().authorizeChannel(client.socketId, ROOM, user)
  await client.subscribed(ROOM, auth, data)
}

type Signature = { readonly auth: string; channel_data?: string; shared_secret?: string }

/** How many checks there were, the lines of those that failed, and the signatures by channel. */
function readOutput(output: string) {
  const lines = output.split('\n').filter((line) => line !== '')
  const signed = new Map<string, Signature>()
  for (const line of lines) {
    const [, channel = '', json = ''] = /^auth (\S+) (.+)$/.exec(line) ?? []
    if (channel) signed.set(channel, JSON.parse(json) as Signature)
  }
  const refused = lines.filter((line) => !/^(ok|auth) /.test(line))
  return { checks: lines.length - signed.size, refused, signed }
}

// ---------------------------------------------------------------- what arrived

type Frame = Awaited<ReturnType<RawClient['nextJson']>>

async function checkArrivals(client: RawClient, expected: readonly ExpectedEvent[]): Promise<void> {
  const frames = byChannel(await readToEnd(client))
  const wanted = byChannel(expected)
  for (const [index, event] of wanted.entries())
    if (!matches(event, frames[index])) expect(frames[index]).toEqual(event as never)
  expect(frames.slice(wanted.length)).toEqual([])
}

/** Reads everything up to the last event, and what may have arrived after it. */
async function readToEnd(client: RawClient): Promise<Frame[]> {
  const frames: Frame[] = []
  do frames.push(await client.nextJson(`the event '${END}' after ${frames.length} frames`))
  while (frames.at(-1)?.event !== END)
  client.send({ event: 'pusher:ping', data: {} })
  for (;;) {
    const frame = await client.nextJson('a pong')
    if (frame.event === 'pusher:pong') return frames
    frames.push(frame)
  }
}

/** The order of frames is promised within a channel, not across channels. */
function byChannel<T extends { readonly channel?: string }>(items: readonly T[]): T[] {
  return items.toSorted(({ channel: a = '' }, { channel: b = '' }) => (a < b ? -1 : a > b ? 1 : 0))
}

function matches({ channel, event, as, data }: ExpectedEvent, frame: Frame | undefined): boolean {
  if (frame?.channel !== channel || frame.event !== event) return false
  if (typeof frame.data !== 'string') return false
  if (as === 'text') return frame.data === data
  const value: unknown = JSON.parse(frame.data)
  return as === 'json' ? Bun.deepEquals(value, data) : isSealed(value, data as string)
}

/** NaCl's secretbox: a nonce of 24 bytes; the ciphertext is 16 bytes longer than the text. */
function isSealed(value: unknown, text: string): boolean {
  const { nonce = '', ciphertext = '' } = value as { nonce?: string; ciphertext?: string }
  const bytes = (base64: string): number => Buffer.from(base64, 'base64').length
  return bytes(nonce) === 24 && bytes(ciphertext) === Buffer.byteLength(text) + 16
}

// ---------------------------------------------------------------- what was signed

async function checkSignatures(client: RawClient, signed: Map<string, Signature>): Promise<void> {
  for (const [channel, answer] of Object.entries(SUBSCRIPTIONS)) {
    const { auth, channel_data: data, shared_secret: secret } = signed.get(channel) ?? {}
    client.subscribe(channel, auth, data)
    const frame = await client.nextJson(`the subscription to ${channel}`)
    expect({ ...frame, data: JSON.parse(frame.data as string) as unknown }).toEqual({
      event: 'pusher_internal:subscription_succeeded',
      channel,
      data: answer,
    })
    expect(secret).toBe(sharedSecretOf(channel))
  }
}

function sharedSecretOf(channel: string): string | undefined {
  if (!channel.startsWith('private-encrypted-')) return undefined
  return new Bun.CryptoHasher('sha256')
    .update(channel)
    .update(Buffer.from(MASTER_KEY, 'base64'))
    .digest('base64')
}
