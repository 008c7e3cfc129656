/** examples/webhook-receiver, as its README says: who comes and goes, what comes twice, what is not signed. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { findFreePort } from '../../../bench/lib/processes'
import { PAIR } from '../../credentials'
import { ROOT } from '../../docs/pages'
import { BUILT, Executable } from '../../built'
import { execute, type LineReader } from '../commands'
import { describeWith } from '../programs'
import { expectPlayed, openExample, type Example } from './example'

/** Which commands the README has, in their order. */
const PLAYED = [
  'npm install',
  'node receiver.mjs',
  'apps update',
  'webhooks test',
  'client.mjs ada',
  'curl',
]

const PORT = findFreePort()
const ADDRESS = `http://127.0.0.1:${PORT}/`
const CHANNEL = 'presence-team'

let server: Executable
let port: number
let example: Example
let receiver: LineReader

describeWith('npm', 'examples/webhook-receiver', () => {
  beforeAll(async () => {
    // Nobody waits for three seconds here.
    server = new Executable({ CARILLON_WEBHOOK_SETTLE_MS: '0' })
    port = await server.waitUntilListening()
    example = openExample('webhook-receiver', { 6001: port, 3000: PORT })
    receiver = await startReceiver()
  })

  afterAll(async () => {
    await receiver[Symbol.asyncDispose]()
    example[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  test('each command of the README is played here', () => {
    expectPlayed(example, PLAYED)
  })

  test('its endpoint is set and tested by the command line; people come, are listed, and go', async () => {
    await runInCheckout('apps update')
    await runInCheckout('webhooks test')
    expect(await receiver.next()).toEqual(['A test event has arrived'])
    {
      await using ada = example.start('client.mjs ada')
      expect(await ada.next()).toEqual(['ada is in'])
      expect(await receiver.next()).toEqual([`ada is online in ${CHANNEL}`])
      expect(await example.run('curl')).toBe(`${CHANNEL}: ada\n`)

      // Whoever came before the receiver started is known to it.
      await receiver[Symbol.asyncDispose]()
      receiver = await startReceiver()
      expect(await example.run('curl')).toBe(`${CHANNEL}: ada\n`)
    }
    expect(await receiver.next()).toEqual([`ada has left ${CHANNEL}`])
  })

  test('what comes twice is news once, and in the order in which it came', async () => {
    const come = { name: 'member_added', channel: CHANNEL, user_id: 'ben' }
    const go = { ...come, name: 'member_removed' }
    const bodies = [[come], [come], [come, go], [go], [come]].map((events) =>
      JSON.stringify({ time_ms: 1, events }),
    )
    for (const body of bodies) expect(await post(body)).toBe(200)
    const news = await receiver.lines.take(3)
    const [here, gone] = [`ben is online in ${CHANNEL}`, `ben has left ${CHANNEL}`]
    expect(news).toEqual([here, gone, here])
  })

  test('what is not signed as it was sent is refused, and changes nothing', async () => {
    const body =
      '{"time_ms": 1, "events": [{"name":"member_removed","channel":"presence-team","user_id":"ben"}]}'
    const signature = sign(body)
    const refused = [
      await post(body, sign(`${body} `)),
      await post(JSON.stringify(JSON.parse(body)), signature),
      await post('{', sign('{')),
      await post(body, ''),
      await post('x'.repeat(1_000_001)),
    ]
    expect(refused).toEqual([401, 401, 401, 401, 413])
    expect(await example.run('curl')).toBe(`${CHANNEL}: ben\n`)
    expect(await post(body, signature)).toBe(200)
    const next = { name: 'member_added', channel: CHANNEL, user_id: 'cy' }
    expect(await post(JSON.stringify({ time_ms: 1, events: [{ name: 'cache_miss' }, next] }))).toBe(
      200,
    )
    expect(await receiver.lines.take(2)).toEqual([
      `ben has left ${CHANNEL}`,
      `cy is online in ${CHANNEL}`,
    ])
    expect(await example.run('curl')).toBe(`${CHANNEL}: cy\n`)
  })
})

async function startReceiver(): Promise<LineReader> {
  const started = example.start('node receiver.mjs')
  expect(await started.next()).toEqual([`Taking webhooks on ${ADDRESS}`])
  return started
}

/** A command that the README has for the checkout, without the installation that its script begins with. */
function runInCheckout(mark: string): Promise<string> {
  const command = example.block('sh', mark).replace('bun run carillon', BUILT)
  const variables = { CARILLON_URL: `http://127.0.0.1:${port}` }
  return execute(['sh', '-c', command], { cwd: ROOT, timeoutMs: 30_000, variables })
}

const [key, secret] = PAIR.split(':') as [string, string]
const sign = (body: string): string =>
  new Bun.CryptoHasher('sha256', secret).update(body).digest('hex')

/** Posts a body as the server does; the status of the answer. */
async function post(body: string, signature = sign(body)): Promise<number> {
  const headers = {
    'content-type': 'application/json',
    'x-pusher-key': key,
    'x-pusher-signature': signature,
  }
  return (await fetch(ADDRESS, { method: 'POST', headers, body })).status
}
