/**
 * A server that is killed at random moments while its endpoints fail at random: what clients saw
 * happen arrives at least once, in order, where it is wanted and nowhere else.
 */
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RawClient } from '../../harness'
import { Executable } from '../../built'
import { makeRandom } from '../../random'
import { waitUntil } from '../../webhooks/receiver'

const KEY = 'test-app-fake-key'
const SECRET = 'test-app-fake-secret'
const hmac = (text: string): string => createHmac('sha256', SECRET).update(text).digest('hex')

const ROUNDS = 5
const CHANNELS = 4
const TIMEOUT_MS = 200
/** Busy machines are slow. */
const PATIENCE_MS = 20_000
const SETTLE_MS = 100

type Arrival = { name: string; channel: string; event?: string }

/** Two endpoints, of which one wants only some events. */
class Endpoints {
  readonly arrivals: Record<string, Arrival[]> = { '/all': [], '/some': [] }
  wrong = 0
  isHealthy = false
  readonly server = createServer((request, response) => this.#take(request, response))

  constructor(readonly chance: () => number) {}

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // the server was killed while it sent
    }
    const body = Buffer.concat(chunks).toString()
    if (request.headers['x-pusher-signature'] !== hmac(body)) this.wrong++
    const fate = this.isHealthy ? 1 : this.chance()
    if (fate < 0.2) return // never answered
    if (fate < 0.3) return void request.socket.destroy()
    if (fate < 0.5) return void response.writeHead(500).end()
    this.arrivals[request.url ?? '']!.push(...(JSON.parse(body) as { events: Arrival[] }).events)
    if (fate < 0.6) return // taken, but the sender never hears of it
    response.writeHead(200).end()
  }

  [Symbol.dispose](): void {
    this.server.closeAllConnections()
    this.server.close()
  }
}

/** What clients saw: who joined, and the highest number that each channel's listener received. */
type Witnessed = { readonly occupied: Set<string>; readonly heard: Map<string, number> }

async function enter(port: number, channel: string): Promise<RawClient> {
  const client = new RawClient(`ws://127.0.0.1:${port}/app/${KEY}?protocol=7`)
  await client.hello()
  await client.subscribed(channel, `${KEY}:${hmac(`${client.socketId}:${channel}`)}`)
  return client
}

/** Talks until the server is killed. */
async function talk(port: number, channel: string, { occupied, heard }: Witnessed): Promise<void> {
  const [speaker, listener] = [await enter(port, channel), await enter(port, channel)]
  occupied.add(channel)
  let isGone = false
  void speaker.closed.then(() => (isGone = true))
  for (let n = 0; !isGone; n++) {
    speaker.send({ event: `client-${n}`, channel, data: { n } })
    const frame = await Promise.race([listener.next(), listener.closed])
    if (typeof frame !== 'string') return
    heard.set(channel, Number(JSON.parse(frame).event.slice(7)))
  }
}

test('nothing that was recorded is lost to kill -9', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const chance = makeRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  using endpoints = new Endpoints(makeRandom(seed + 1))
  const url = await endpoints.listen()
  const some = { event_types: ['client_event'], filter: { channel_name_starts_with: 'private-a' } }
  const env = {
    DATABASE_PATH: join(folder, 'crash.sqlite'),
    CARILLON_WEBHOOKS: JSON.stringify([{ url: `${url}/all` }, { url: `${url}/some`, ...some }]),
    CARILLON_WEBHOOK_FLUSH_MS: '0',
    CARILLON_WEBHOOK_SETTLE_MS: String(SETTLE_MS),
    CARILLON_WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS),
    CARILLON_MAX_CLIENT_EVENTS_PER_SECOND: '100000',
    CARILLON_MAX_CLIENT_EVENT_BYTES_PER_SECOND: '100000000',
  }
  const witnessed: Witnessed = { occupied: new Set(), heard: new Map() }
  for (let round = 0; round < ROUNDS; round++) {
    await using program = new Executable(env)
    const port = await program.waitUntilListening()
    const talks = Array.from({ length: CHANNELS }, (_, n) =>
      talk(port, `private-${n % 2 ? 'a' : 'b'}-${round}-${n}`, witnessed).catch(() => undefined),
    )
    const enough = heardIn(witnessed) + Math.floor(chance() * 300)
    await waitUntil(`${enough} events are heard`, () => heardIn(witnessed) >= enough)
    program.process.kill('SIGKILL')
    await program.process.exited
    await Promise.all(talks)
  }

  endpoints.isHealthy = true
  await using program = new Executable({ ...env, CARILLON_WEBHOOK_TIMEOUT_MS: '5000' })
  const port = await program.waitUntilListening()
  const all = endpoints.arrivals['/all']!
  // Nothing is sent about a user who left before the arrival was sent and who sent no event.
  const isAnnounced = (channel: string): boolean =>
    witnessed.heard.has(channel) || all.some((arrival) => arrival.channel === channel)
  const here = (): string[] => {
    const left = new Set(named(all, 'channel_vacated'))
    return [...witnessed.occupied].filter((channel) => !left.has(channel) && isAnnounced(channel))
  }
  await waitUntilDelivered(port, here)
  expect(endpoints.wrong).toBe(0)
  expect(witnessed.heard.size).toBeGreaterThan(CHANNELS)
  for (const channel of [...witnessed.occupied].filter(isAnnounced)) {
    expectInOrder(all, channel, witnessed.heard.get(channel) ?? -1)
    const own = all.filter((arrival) => arrival.channel === channel).map(({ name }) => name)
    expect(own[0]).toBe('channel_occupied')
    expect(own.at(-1)).toBe('channel_vacated')
    const wanted = channel.startsWith('private-a') ? (witnessed.heard.get(channel) ?? -1) : -1
    expectInOrder(endpoints.arrivals['/some']!, channel, wanted)
  }
  for (const { name, channel } of endpoints.arrivals['/some']!)
    expect([name, channel]).toEqual(['client_event', expect.stringMatching(/^private-a/)])
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const named = (arrivals: readonly Arrival[], name: string): string[] =>
  arrivals.filter((arrival) => arrival.name === name).map(({ channel }) => channel)

const heardIn = ({ heard }: Witnessed): number =>
  Array.from(heard.values()).reduce((sum, highest) => sum + highest + 1, 0)

/** Waits until both endpoints have accepted everything, and the departure of all who are not `here`. */
async function waitUntilDelivered(port: number, here: () => string[]): Promise<void> {
  const path = '/api/admin/apps/test-app/webhooks/deliveries'
  const authorization = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization } })
    const { data } = (await answer.json()) as { data: { pending: number } }
    if (data.pending === 0 && here().length === 0) return
    if (performance.now() > end)
      throw new Error(`${here().join()} did not leave: ${JSON.stringify(data).slice(0, 3000)}`)
  }
}

/** All numbers up to the last one that was heard, each for the first time after the one before. */
function expectInOrder(arrivals: readonly Arrival[], channel: string, heard: number): void {
  const numbers = arrivals
    .filter((arrival) => arrival.channel === channel && arrival.name === 'client_event')
    .map(({ event }) => Number(event!.slice(7)))
  const first = [...new Set(numbers)]
  expect({ channel, first }).toEqual({ channel, first: first.toSorted((a, b) => a - b) })
  expect({ channel, heard: first.length > heard }).toEqual({ channel, heard: true })
}
