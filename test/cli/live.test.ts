/** `carillon listen --live`: what happens in an app, line by line. */
import { expect, test } from 'bun:test'
import { startCommon, start, type TestServer } from '../harness'
import { makeToken } from '../tokens'
import { envOf, Running, runOn, type RunOptions } from './run'

const server = startCommon()

const watch = (args: string, options: RunOptions = {}, on: TestServer = server()): Running =>
  new Running(['listen', '--live', ...args.split(' ')], {
    ...options,
    env: { ...envOf(on), ...options.env },
  })

/** The next lines; what has happened is told when the clock moves on. */
async function nextLines(running: Running, count: number, on = server()): Promise<string[]> {
  const lines: string[] = []
  while (lines.length < count) {
    const line = running.out.inbox.next()
    on.advance(100)
    lines.push(await line)
  }
  return lines
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t/

test('lines have time, kind, channel, event or code, and the rest, harmless', async () => {
  const running = watch('test-app')
  expect(await running.err.inbox.next()).toBe('carillon: watching test-app')
  await using client = await server().raw()
  const { socketId } = client
  client.subscribe('private-a', `${server().app.key}:${'0'.repeat(64)}`)
  await client.next('the refusal')
  await server().trigger({ channel: 'room', name: 'e\u001b[0m', data: '{"a":1}' })
  const lines = await nextLines(running, 3)
  for (const line of lines) expect(line).toMatch(TIME)
  const signature = `Expected HMAC SHA256 hex digest of ${socketId}:private-a, but got ${'0'.repeat(64)}`
  expect(lines.map((line) => line.replace(TIME, ''))).toEqual([
    `connected\t\t\tsocket_id=${socketId} address=127.0.0.1 protocol=pusher library=test version=1`,
    `refused\tprivate-a\tauth_signature_invalid\tInvalid signature: ${signature} address=127.0.0.1 socket_id=${socketId}`,
    'published\troom\te\\u001b[0m\tapi=pusher bytes=11 {"a":1}',
  ])
  expect((await running.end()).code).toBe(0)
})

test('a terminal shows the text to sign, why it was refused, and what to do', async () => {
  const running = watch('test-app --kind refused', { isTerminal: true })
  await running.err.inbox.next()
  await using client = await server().raw()
  client.subscribe('private-a', `${server().app.key}:${'0'.repeat(64)}`)
  await client.next('the refusal')
  const [first, ...more] = await nextLines(running, 3)
  expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} refused {10}private-a auth_signature_invalid Inv/)
  expect(more.map((line) => line.trim())).toEqual([
    `to sign: "${client.socketId}:private-a"`,
    'The secret is another one, or another text was signed. Compare what the backend signs with the text that it should sign, byte for byte; where they are the same, compare the secret.',
  ])
  expect((await running.end()).code).toBe(0)
})

test('kinds and channels are chosen; JSON has all of a row; it ends after a count', async () => {
  const running = watch('test-app --kind published --kind refused --channel b --count 2 --json')
  await running.err.inbox.next()
  for (const channel of ['a', 'b-1', 'b-2']) {
    await using client = await server().raw()
    await client.subscribed(channel)
    await server().trigger({ channel, name: 'e', data: '1' })
  }
  const rows = (await nextLines(running, 2)).map((line) => JSON.parse(line))
  const time = expect.stringMatching(/Z$/)
  const row = { time, kind: 'published', event: 'e', api: 'pusher', bytes: 3, data: '1' }
  expect(rows).toEqual(['b-1', 'b-2'].map((channel) => ({ ...row, channel })))
  expect((await running.finished).code).toBe(0)
})

test('what a busy app has left out is said', async () => {
  const [json, plain] = [watch('test-app --kind published --json'), watch('1 --kind published')]
  for (const each of [json, plain]) await each.err.inbox.next()
  for (let n = 0; n < 60; n++) await server().trigger({ channel: 'room', name: 'e', data: 'x' })
  const lines = await nextLines(json, 51)
  expect(JSON.parse(lines.at(-1)!)).toEqual({ kind: 'skipped', counts: { published: 10 } })
  await plain.out.inbox.take(50)
  expect(await plain.err.inbox.next()).toBe('carillon: not shown: 10 published')
  await Promise.all([json.end(), plain.end()])
})

test('after a restart it comes back, and says what is not known', async () => {
  const first = await start()
  const { port } = first
  const running = watch('test-app --kind published', {}, first)
  await running.err.inbox.next()
  await first.stop()
  expect(await running.err.inbox.next()).toMatch(/^carillon: the stream is cut \(.+\); again in/)
  await using second = await start({ config: { port } })
  let said = ''
  while (!said.includes('back')) said = await running.err.inbox.next()
  expect(said).toBe('carillon: back; what happened meanwhile is not known')
  await second.trigger({ channel: 'room', name: 'later', data: 'x' })
  expect((await nextLines(running, 1, second))[0]).toContain('\troom\tlater\t')
  expect((await running.end()).code).toBe(0)
})

test('a token is enough, and one of another app is not', async () => {
  const { token } = await makeToken(server(), { name: 'watcher', scope: 'app:1' })
  const env = { CARILLON_TOKEN: token }
  const running = watch('test-app', { env })
  expect(await running.err.inbox.next()).toBe('carillon: watching test-app')
  await running.end()
  server().addTenant()
  const other = await runOn(server(), 'listen --live other', { env })
  expect([other.code, other.err]).toEqual([5, 'carillon: the app other is not there\n'])
})

test.each([
  ['listen', 'which channels, or --live and which app?'],
  ['listen a --kind refused', '--kind and --channel are for --live'],
  ['listen a --live test-app', '--live takes no channels: --channel is a filter'],
])('%s is a mistake', async (line, said) => {
  const { code, err } = await runOn(server(), line)
  expect([code, err]).toEqual([2, `carillon: ${said}\n`])
})

test('a kind that there is not is refused in words, no server ends it', async () => {
  const unknown = await runOn(server(), 'listen --live test-app --kind x')
  expect([unknown.code, unknown.err]).toEqual([
    1,
    expect.stringContaining('refused with 422: kinds "x" is not one of connected, disconnected'),
  ])
  const nowhere = new Running(['listen', '--live', 'a', '--url', 'http://127.0.0.1:1'], {
    env: { CARILLON_TOKEN: 't' },
  })
  expect((await nowhere.finished).code).toBe(3)
})
