/** Whatever clients do, in whatever order, nothing breaks and nothing stays. */
import { expect, test } from 'bun:test'
import { totalCounters } from '../../src/core/counters'
import { makeRandom } from '../random'
import { start, type TestServer } from '../harness'
import { XhrClient } from './xhr-client'

const BODIES = [
  '[]',
  '[',
  '["{\\"event\\":\\"pusher:ping\\"}"]',
  '["{\\"event\\":\\"pusher:subscribe\\",\\"data\\":{\\"channel\\":\\"room\\"}}"]',
  '["{\\"event\\":\\"pusher:unsubscribe\\",\\"data\\":{\\"channel\\":\\"room\\"}}"]',
  '["nonsense",""]',
]
const STEPS = 400

type Walker = { readonly client: XhrClient; readonly aborts: AbortController[] }

/** What one client does next; nobody waits for the answer. */
const DOINGS: readonly ((server: TestServer, who: Walker, chance: number) => unknown)[] = [
  (_, { client, aborts }) => receive(client, aborts, 'xhr'),
  (_, { client, aborts }) => receive(client, aborts, 'xhr_streaming'),
  (_, { client }, chance) =>
    client.post('xhr_send', BODIES[Math.floor(chance * BODIES.length)]!).catch(() => undefined),
  (_, { aborts }) => aborts.pop()?.abort(),
  (_, { aborts }) => aborts.shift()?.abort(),
  (server) => server.trigger({ channel: 'room', name: 'e', data: 'x'.repeat(9000) }),
  (server, _, chance) => server.advance(chance * 20_000),
  (server, _, chance) => {
    const conns = [...server.core.hub.connections()]
    const conn = conns[Math.floor(chance * conns.length)]
    conn?.refuse({ code: 'shutting_down', message: 'Bye' } as never)
  },
]

function receive(client: XhrClient, aborts: AbortController[], verb: string): void {
  const abort = new AbortController()
  aborts.push(abort)
  client.post(verb, '', { signal: abort.signal }).then(
    (response) => response.text().catch(() => undefined),
    () => undefined,
  )
}

test.each([1, 2, 3])('random walk %d', async (seed) => {
  await using server = await start()
  const next = makeRandom(seed)
  const walkers = Array.from({ length: 5 }, () => ({ client: new XhrClient(server), aborts: [] }))
  for (let step = 0; step < STEPS; step++) {
    const walker = walkers[Math.floor(next() * walkers.length)]!
    DOINGS[Math.floor(next() * DOINGS.length)]!(server, walker, next())
    if (next() < 0.5) await server.http('/up')
  }
  for (const { aborts } of walkers as Walker[]) for (const abort of aborts) abort.abort()
  // Requests on their way may still open sessions, which die of silence.
  for (let calm = 0; calm < 5; server.advance(20_000)) {
    await server.http('/up')
    calm = server.server.xhr.count === 0 ? calm + 1 : 0
  }
  const { core } = server
  expect(totalCounters(core).connectionsAccepted).toBeGreaterThan(5)
  expect(core.hub.connectionCount).toBe(0)
  expect(server.occupied).toEqual([])
  expect(core.counters.faults).toBe(0)
  expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([])
})
