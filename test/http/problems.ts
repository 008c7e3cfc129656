/** Problems as tests read them, and what causes them. */
import { expect } from 'bun:test'
import { readPage } from '../docs/pages'
import { bearer, makeToken } from '../tokens'
import { waitFor, type RawClient, type TestServer } from '../harness'

export type Problem = {
  readonly code: string
  readonly severity: string
  readonly app: { readonly slug: string } | null
  readonly text: string
  readonly since: number
  readonly remedy: string
}

export type Answer = { readonly count: number; readonly problems: readonly Problem[] }

/** As the admin, or by a token. */
export async function readProblems(server: TestServer, token?: string): Promise<Answer> {
  const headers = token === undefined ? {} : bearer(token)
  const answer = await server.admin('/api/admin/problems', { headers })
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
  return (await answer.json()).data
}

/** The one with the code; fails where there is none, or more. */
export async function readProblem(
  server: TestServer,
  code: string,
  token?: string,
): Promise<Problem> {
  const { problems } = await readProblems(server, token)
  const found = problems.filter((each) => each.code === code)
  if (found.length !== 1) throw new Error(`${code}: ${JSON.stringify(problems)}`)
  return found[0]!
}

export async function repeat(times: number, act: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: times }, act))
}

/** Connects; each has its hello, or a refusal. */
export async function connect(server: TestServer, times: number): Promise<readonly RawClient[]> {
  const path = `/app/${server.app.key}?protocol=7`
  const clients = Array.from({ length: times }, () => server.raw({ path, hello: false }))
  const connected = await Promise.all(clients)
  await Promise.all(connected.map((client) => client.next('an answer')))
  return connected
}

export const MINUTE_MS = 60_000

/** Codes that a test has seen. */
export const seen = new Set<string>()

/** A server, a table of what is done to it, and the problems that it has then. */
type Cause = readonly [
  code: string,
  cause: (server: TestServer) => unknown,
  expected: Readonly<Record<string, unknown>>,
]

export async function expectCauses(server: TestServer, causes: readonly Cause[]): Promise<void> {
  const { token } = await makeToken(server, {
    name: `reader-${crypto.randomUUID()}`,
    scope: 'read',
  })
  for (const [code, cause, expected] of causes) {
    await cause(server)
    const found = await readProblem(server, code, token)
    expect(found).toMatchObject({ code, remedy: expect.stringMatching(/^\S.*[.]$/), ...expected })
    expect(Math.abs(found.since - server.clock.now())).toBeLessThan(15 * MINUTE_MS)
    seen.add(code)
  }
}

export const says = (pattern: RegExp) => expect.stringMatching(pattern)

/** The codes that docs/operations.md has, in its order. */
export async function readDocumented(): Promise<readonly string[]> {
  const page = await readPage('docs/operations.md')
  const rows = page.matchAll(/^\| `(\w+)` +\| (?:critical|warning|notice)/gm)
  return Array.from(rows, ([, code]) => code!)
}

/** Begins a takeover, and ends once the database was given up. */
export async function breakOffTakeover(databasePath: string): Promise<void> {
  const socket = new WebSocket(`ws+unix://${databasePath}.takeover:/`)
  const given = Promise.withResolvers<void>()
  socket.addEventListener('open', () => socket.send('{"type":"ask","protocol":1,"pid":0}'))
  socket.addEventListener('message', ({ data }) => {
    expect(JSON.parse(String(data))).toMatchObject({ type: 'yours', drainMs: 60_000 })
    given.resolve()
  })
  await waitFor('the database', given.promise)
  socket.close()
}
