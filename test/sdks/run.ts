/**
 * The stock SDKs of other languages against a real server. Each has a program in a folder beside this
 * file that makes every call of the SDK and prints a line per check; meanwhile connections watch what
 * arrives. An SDK whose toolchain is not installed is skipped; where `CI` is `true`, that is a failure.
 *
 * A program prints `ok NAME`, `not ok NAME: WHAT WAS GOT`, or `auth CHANNEL JSON`: a signature for
 * the connection of `SOCKET_ID`, to subscribe with.
 */
import { start, type RawClient, type TestServer } from '../harness'
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

type Command = readonly [program: string, ...args: string[]]

type Sdk = {
  readonly name: SdkName
  /** Its toolchain; looked for in PATH. */
  readonly toolchain: string
  /** Run in the SDK's folder, as is `run`. */
  readonly install: readonly Command[]
  readonly run: Command
}

const SDKS: readonly Sdk[] = [
  {
    name: 'go-v4',
    toolchain: 'go',
    install: [['go', 'build', '-buildvcs=false', '-o', '../.cache/go-v4', '.']],
    run: ['../.cache/go-v4'],
  },
  {
    name: 'python',
    toolchain: 'python3',
    install: [
      ['python3', '-m', 'venv', '../.cache/python'],
      ['../.cache/python/bin/pip', 'install', '--quiet', '--requirement', 'requirements.txt'],
    ],
    run: ['../.cache/python/bin/python', 'main.py'],
  },
]

const INSTALL_MS = 600_000
const RUN_MS = 120_000
const MASTER_KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64')

const tally = { passed: 0, failed: 0, skipped: 0 }

for (const sdk of SDKS) {
  if (!Bun.which(sdk.toolchain)) skip(sdk)
  else {
    console.log(`# ${sdk.name}`)
    await tryOut(sdk).catch((error: Error) => fail(sdk.name, error.message))
  }
}
console.log(`SDK checks: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`)
process.exit(tally.failed === 0 ? 0 : 1)

// ---------------------------------------------------------------- the lines

function pass(name: string): void {
  tally.passed++
  console.log(`ok ${name}`)
}

function fail(name: string, got: string): void {
  tally.failed++
  console.log(`not ok ${name}: ${shortened(got)}`)
}

/** An SDK without its toolchain; in CI, which must have them all, that is a failure. */
function skip({ name, toolchain }: Sdk): void {
  const inCi = process.env.CI === 'true'
  tally[inCi ? 'failed' : 'skipped']++
  console.log(
    `skipped ${name}: ${toolchain} is not installed${inCi ? ', but CI must have it' : ''}`,
  )
}

function shortened(text: string): string {
  return text.length > 600 ? `${text.slice(0, 600)} …` : text
}

// ---------------------------------------------------------------- one SDK

async function tryOut(sdk: Sdk): Promise<void> {
  for (const command of sdk.install) await execute(sdk, command, { timeoutMs: INSTALL_MS })

  await using server = await start()
  await using guest = await server.raw()
  await using listener = await server.raw()
  await using left = await server.raw()
  await enterRoom(server, guest, '2')
  for (const client of [listener, left]) {
    await subscribe(server, client)
    await enterRoom(server, client, '1')
  }

  const output = await execute(sdk, sdk.run, {
    timeoutMs: RUN_MS,
    variables: environmentFor(server, left.socketId),
  })
  const signed = readOutput(output)
  const expected = EVENTS.filter(({ only }) => only === undefined || only.includes(sdk.name))
  await checkArrivals('events reach a subscriber', listener, expected)
  await checkArrivals(
    'events skip the connection that is left out',
    left,
    expected.filter(({ exclusive }) => !exclusive),
  )
  await checkSignatures(left, signed)
}

/**
 * Runs a command in the SDK's folder and returns its standard output.
 * @throws Error with the end of its standard error, when it did not exit with 0
 */
async function execute(
  { name }: Sdk,
  command: Command,
  { timeoutMs, variables = {} }: { timeoutMs: number; variables?: Record<string, string> },
): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: `${import.meta.dir}/${name}`,
    env: { ...process.env, GOTOOLCHAIN: 'local', ...variables },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: timeoutMs,
  })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code === 0) return output
  process.stdout.write(output)
  throw new Error(`${command.join(' ')} exited with ${code}: ${errors.slice(-600).trim()}`)
}

function environmentFor({ app, port }: TestServer, socketId: string): Record<string, string> {
  return {
    PUSHER_HOST: '127.0.0.1',
    PUSHER_PORT: String(port),
    PUSHER_APP_ID: app.id,
    PUSHER_APP_KEY: app.key,
    PUSHER_APP_SECRET: app.secret,
    PUSHER_URL: `http://${app.key}:${app.secret}@127.0.0.1:${port}/apps/${app.id}`,
    PUSHER_MASTER_KEY: MASTER_KEY,
    SOCKET_ID: socketId,
    NO_PROXY: '127.0.0.1',
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

/** Counts the checks, prints their lines, and returns the signatures by channel. */
function readOutput(output: string): Map<string, Signature> {
  const signed = new Map<string, Signature>()
  for (const line of output.split('\n').filter((text) => text !== '')) {
    const [, failed, name = '', got = ''] = /^(not )?ok ([^:]+)(?:: (.*))?$/.exec(line) ?? []
    const [, channel = '', json = ''] = /^auth (\S+) (.+)$/.exec(line) ?? []
    if (channel) signed.set(channel, JSON.parse(json) as Signature)
    else if (!name) fail('output', line)
    else if (failed) fail(name, got)
    else pass(name)
  }
  return signed
}

// ---------------------------------------------------------------- what arrived

type Frame = Awaited<ReturnType<RawClient['nextJson']>>

async function checkArrivals(
  name: string,
  client: RawClient,
  expected: readonly ExpectedEvent[],
): Promise<void> {
  const frames = byChannel(await readToEnd(client))
  const wanted = byChannel(expected)
  const odd = wanted.findIndex((event, index) => !matches(event, frames[index]))
  if (odd !== -1)
    fail(name, `${JSON.stringify(frames[odd])} instead of ${JSON.stringify(wanted[odd])}`)
  else if (frames.length > wanted.length)
    fail(name, `unexpected ${JSON.stringify(frames[wanted.length])}`)
  else pass(name)
}

/** Everything up to the last event, and what may have come after it. */
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
    const name = `subscribe to ${channel}`
    const signature = signed.get(channel)
    if (!signature) {
      fail(name, 'no signature')
      continue
    }
    client.subscribe(channel, signature.auth, signature.channel_data)
    const { event, channel: answered, data } = await client.nextJson(name)
    const frame = { event, channel: answered, data: JSON.parse(data as string) as unknown }
    const wanted = { event: 'pusher_internal:subscription_succeeded', channel, data: answer }
    if (!Bun.deepEquals(frame, wanted)) fail(name, JSON.stringify(frame))
    else if (signature.shared_secret !== sharedSecretOf(channel)) fail(name, 'wrong shared secret')
    else pass(name)
  }
}

function sharedSecretOf(channel: string): string | undefined {
  if (!channel.startsWith('private-encrypted-')) return undefined
  return new Bun.CryptoHasher('sha256')
    .update(channel)
    .update(Buffer.from(MASTER_KEY, 'base64'))
    .digest('base64')
}
