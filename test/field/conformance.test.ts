/** `bun run conformance`: against this server, against servers that are wrong on purpose, and where it cannot run. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Requests } from '../../conformance/clients/requests'
import { GROUPS } from '../../conformance/groups'
import { play } from '../../conformance/run'
import { listServers, startServer, type Started } from '../../conformance/servers'
import { makeTarget } from '../../conformance/target'
import { blocksOf, readPage } from '../docs/pages'
import { nextLook, OWN_APP, PATIENCE_MS, start, waitFor } from '../harness'
import { StandIn, type Kind } from './conformance/stand-ins'

const ROOT = join(import.meta.dir, '../..')
const PAIR = { tlsCertFile: 'test/tls/first.crt', tlsKeyFile: 'test/tls/first.key' }
/** No server of a user listens to the first port. */
const NOBODY = 'http://127.0.0.1:1'
const SECRET = 'secret-that-nobody-may-see'
/** Groups that are not played by themselves, but for the one in which a row of ours fails. */
const BESIDES = ['counts', 'webhooks', 'crowd', 'malformed']

type Card = {
  readonly passed: number
  readonly failed: number
  readonly groups: readonly {
    readonly name: string
    readonly isPlayed: boolean
    readonly cases: readonly { readonly name: string; readonly isPassed: boolean }[]
  }[]
}

type Given = {
  readonly url: string
  readonly appId?: string
  readonly key?: string
  readonly secret?: string
}

/** Runs the command as it is typed, and returns what it prints. */
async function run({ url, appId = '1', key = 'k', secret = SECRET }: Given, ...more: string[]) {
  const credentials = ['--app-id', appId, '--key', key, '--secret', secret]
  const words = ['bun', 'run', 'conformance', '--url', url, ...credentials, ...more]
  const ended = await execute(words)
  expect(`${ended.output}${ended.errors}`).not.toContain(secret)
  return ended
}

/** Executes a command line of this runtime. */
async function execute([, ...words]: readonly string[]) {
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      NODE_EXTRA_CA_CERTS: join(ROOT, 'test/tls/first.crt'),
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { output, errors, code }
}

/** Resolves once no channel of an app is occupied. */
async function waitUntilEmpty({ url, ...credentials }: Started): Promise<void> {
  const requests = new Requests(makeTarget(url, credentials), AbortSignal.timeout(PATIENCE_MS))
  const isEmpty = async (): Promise<boolean> =>
    Object.keys((await requests.ask({ path: '/channels' }))['channels'] as object).length === 0
  while (!(await isEmpty())) await nextLook()
}

const failedOf = ({ groups }: Card): readonly string[] =>
  groups.flatMap(({ cases }) => cases.flatMap(({ name, isPassed }) => (isPassed ? [] : name)))

describe('against this server', () => {
  let started: Started
  beforeAll(async () => {
    started = await startServer(listServers('')[0]!)
  })
  afterAll(() => started.stop())

  test('all passes, the document says so, and nothing is left behind', async () => {
    const more = [
      '--timeout',
      '20',
      '--with',
      BESIDES.join(),
      '--webhooks',
      String(started.webhooks),
    ]
    const { output, errors, code } = await run(started, '--json', ...more)
    const card = JSON.parse(output) as Card
    expect(failedOf(card)).toEqual([])
    expect([code, card.failed]).toEqual([0, 0])
    expect(card.groups.map(({ name }) => name)).toEqual(GROUPS.map(({ name }) => name))
    const left = card.groups.filter(({ isPlayed }) => !isPlayed).map(({ name }) => name)
    expect(left).toEqual(['fallback'])
    expect(card.passed).toBeGreaterThan(240)
    expect(errors).toContain(`Connecting to ${started.url}`)
    await waitFor('the end of all channels', waitUntilEmpty(started))
  })

  test('of the fallback only the transport of other times fails, and the card says why', async () => {
    const { output, code } = await run(
      started,
      '--timeout',
      '20',
      '--only',
      'fallback',
      '--verbose',
    )
    expect(code).toBe(1)
    expect(output).toContain('✗ fallback')
    expect(output).toContain('✓ pusher-js connects by xhr_polling')
    expect(output).toContain('expected 200 for /pusher/info, got 404')
    expect(output).toMatch(/\n7 passed, 1 failed in \d/)
    expect(output).toMatch(/- connecting +not run/)
  })
})

test('the command of the README works, for the server as it starts without settings', async () => {
  await using server = await start()
  const [block] = blocksOf(await readPage('conformance/README.md'))
  const command = block!.code.trim().replace(':6001', `:${server.port}`)
  const { output, code } = await execute(command.split(' '))
  expect([code, output]).toEqual([0, expect.stringContaining('none failed')])
})

test('TLS, a path before everything, and its own kinds of address', async () => {
  const app = { ...OWN_APP, name: 'conformance' }
  const only = ['--timeout', '20', '--only', 'connecting,public,http-signatures,rfc6455']
  const given = { appId: app.id, key: app.key, secret: app.secret }
  {
    await using server = await start({ apps: [app], config: { ...PAIR, pathPrefix: '/push' } })
    const url = `https://localhost:${server.port}/push/`
    const { output, code } = await run({ ...given, url }, ...only)
    expect([code, output]).toEqual([0, expect.stringContaining('none failed')])
  }
  {
    await using server = await start({ apps: [app], config: { host: '::1' } })
    const url = `http://[::1]:${server.port}`
    const { output, code } = await run({ ...given, url }, ...only)
    expect([code, output]).toEqual([0, expect.stringContaining('none failed')])
  }
})

/** Plays all groups against a server that is wrong, and returns the names of the cases that pass. */
async function playAgainst(kind: Kind): Promise<Set<string>> {
  await using standIn = new StandIn(kind)
  const url = `http://127.0.0.1:${await standIn.listen()}`
  const target = makeTarget(url, { appId: '1', key: 'k', secret: SECRET })
  const played = await play(GROUPS, { target, seconds: 0.5, atATime: 60, isAsked: () => true })
  const all = played.flatMap(({ results }) => results)
  expect(all.length).toBe(GROUPS.flatMap(({ cases }) => cases).length)
  return new Set(all.filter(({ isPassed }) => isPassed).map(({ name }) => name))
}

/** What a server that only greets does right. */
const GREETED = [
  'pusher-js connects and has a socket id',
  'the first message is the greeting, its data a text with socket_id and activity_timeout',
  'a client that names no library is served',
  'parameters that nobody knows are ignored',
  'protocol 5 is served',
  'protocol 6 is served',
  'terminating a user without connections is answered with 200 and JSON',
  'a trigger is answered with 200 and a JSON object, which the Go SDK reads',
  'the handshake is answered with the hash of its key, and nothing that was not offered',
  'a handshake with headers in any case is accepted',
  'a handshake that arrives byte by byte is accepted',
  'a handshake with an Origin is accepted',
  'permessage-deflate that is offered is used as agreed, or not at all',
  'one of the subprotocols that were offered is chosen, or none',
]

/** Words of cases in which something may not be: a server that allows all fails them. */
const ABSENCE =
  /refused|answered with 40\d|answered with 413|own channels only|once|nothing more|nobody(?! asked| knows)|not its own|not told|no earlier one|not kept|keeps nothing|may not|fails the connection|nothing is read|leaves out|hears nothing|is not passed on|signs nobody|tell none|not vacated|not answered with 101/

test('no case passes for nothing: each fails where a server says nothing, allows all or refuses all', async () => {
  const mute = await playAgainst('mute')
  expect([...mute].filter((name) => !GREETED.includes(name))).toEqual([])
  const leaky = await playAgainst('leaky')
  const absences = GROUPS.flatMap(({ cases }) => cases).filter(({ name }) => ABSENCE.test(name))
  expect(absences.length).toBeGreaterThan(110)
  expect(absences.filter(({ name }) => leaky.has(name)).map(({ name }) => name)).toEqual([])
  const stubborn = await playAgainst('stubborn')
  expect(GREETED.filter((name) => stubborn.has(name))).toEqual([])
})

test('what sends without an end is given up', async () => {
  await using standIn = new StandIn('endless')
  const url = `http://127.0.0.1:${await standIn.listen()}`
  const target = makeTarget(url, { appId: '1', key: 'k', secret: SECRET })
  const isAsked = ({ name }: { name: string }): boolean => name === 'rfc6455'
  const played = await play(GROUPS, { target, seconds: PATIENCE_MS / 1000, atATime: 20, isAsked })
  const got = played.flatMap(({ results }) => results.map((result) => result.got))
  expect(got).toContain('more than 4194304 bytes')
})

test('what is wrong is told in one line, with what was expected and what came', async () => {
  await using standIn = new StandIn('leaky')
  const url = `http://127.0.0.1:${await standIn.listen()}`
  const { output, code } = await run({ url }, '--only', 'private', '--timeout', '15')
  expect(code).toBe(1)
  expect(output).toContain('✗ no auth is refused, and nothing is heard  [Authorization signatures]')
  expect(output).toContain('expected no auth to be refused, got {"event":"pusher_internal:sub')
})

test('where it cannot run, it says why and exits with 2', async () => {
  const nobody = await run({ url: NOBODY })
  expect([nobody.code, nobody.output]).toEqual([2, ''])
  expect(nobody.errors).toContain(`nothing answers at ${NOBODY}`)
  await using server = await start({ apps: [{ ...OWN_APP, name: 'conformance' }] })
  const own = { url: `http://127.0.0.1:${server.port}`, appId: OWN_APP.id, key: OWN_APP.key }
  const forged = await run(own)
  expect(forged.code).toBe(2)
  expect(forged.errors).toContain('the server does not take app id, key and secret together')
  const plain = { plainHttp: 'redirect', plainPort: 0 } as const
  await using moved = await start({ config: { ...PAIR, ...plain } })
  const redirected = await run({ url: `http://127.0.0.1:${moved.server.plainPort}` })
  expect(redirected.code).toBe(2)
  expect(redirected.errors).toContain('name the address that it redirects to')
  await using flood = new StandIn('endless')
  const drowned = await run({ url: `http://127.0.0.1:${await flood.listen()}` })
  expect(drowned.code).toBe(2)
  expect(drowned.errors).toContain('more than 4194304 bytes')
  using page = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('hello') })
  const other = await run({ url: `http://127.0.0.1:${page.port}` })
  expect(other.code).toBe(2)
  expect(other.errors).toContain('what answers there is no HTTP API of the protocol')
  const elsewhere = await run({ ...own, url: `${own.url}/nowhere`, secret: OWN_APP.secret })
  expect(elsewhere.code).toBe(2)
  expect(elsewhere.errors).toContain('no HTTP API of that app at this address')
})
