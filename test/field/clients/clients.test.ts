/**
 * Stock clients of other languages against a real server, each as a program in a folder beside this
 * file that prints a line for each thing that happens to it.
 */
import { expect, test } from 'bun:test'
import { start, type TestServer } from '../../harness'
import { BRIEF_JAVA, execute, INSTALL_MS, LineReader, pythonIn, type Command } from '../commands'
import { describeWith, type Program } from '../programs'

type Client = {
  readonly name: string
  readonly toolchain: readonly Program[]
  /** Run in the client's folder, as is `run`. */
  readonly install: readonly Command[]
  readonly run: Command
  /** What it prints once it is subscribed, a line for each of its channels; sorted. */
  readonly subscribed: readonly string[]
  /** True for a client that joins `presence-room` and prints who joins and leaves. */
  readonly presence?: true
}

const GO: Client = {
  name: 'go-pusher',
  toolchain: ['go'],
  install: [['go', 'build', '-o', '../.cache/go-pusher', '.']],
  run: ['../.cache/go-pusher'],
  subscribed: ['subscribed room {}'],
}

/** Those that connect again by themselves. */
const LASTING: readonly Client[] = [
  {
    name: 'java',
    toolchain: ['javac', 'mvn'],
    install: [
      [
        ...(['mvn', '--quiet', '--batch-mode', '--strict-checksums'] as const),
        'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies',
        '-DoutputDirectory=../.cache/java',
      ],
      [
        'javac',
        ...BRIEF_JAVA.map((flag) => `-J${flag}`),
        ...(['-cp', '../.cache/java/*', '-d', '../.cache/java', 'Main.java'] as const),
      ],
    ],
    run: ['java', ...BRIEF_JAVA, '-cp', '../.cache/java:../.cache/java/*', 'Main'],
    subscribed: ['subscribed presence-room 1', 'subscribed room'],
    presence: true,
  },
  {
    name: 'pysher',
    toolchain: ['python3'],
    install: pythonIn('../.cache/pysher'),
    run: ['../.cache/pysher/bin/python', 'main.py'],
    subscribed: ['subscribed room'],
  },
]

const RUN_MS = 120_000
const TIMEOUT = { timeout: INSTALL_MS + RUN_MS }
const folderOf = ({ name }: Client): string => `${import.meta.dir}/${name}`

async function install(client: Client): Promise<void> {
  const circumstances = { cwd: folderOf(client), timeoutMs: INSTALL_MS }
  for (const command of client.install) await execute(command, circumstances)
}

function run(client: Client, { app, port }: TestServer): LineReader {
  const variables = {
    PUSHER_APP_KEY: app.key,
    PUSHER_APP_SECRET: app.secret,
    PUSHER_PORT: String(port),
  }
  return new LineReader(client.run, { cwd: folderOf(client), timeoutMs: RUN_MS, variables })
}

/** Publishes to what the client listens to, and reads what it prints of that. */
async function expectHeard(server: TestServer, client: Client, teller: LineReader): Promise<void> {
  await server.sdk().trigger(['room', 'presence-room'], 'e', { n: 1 })
  const heard = client.subscribed.map(() => 'event e {"n":1}')
  expect(await teller.next(heard.length)).toEqual(heard)
}

/** Somebody comes and goes whose id is a number, as Laravel's are. */
async function expectMember(server: TestServer, teller: LineReader): Promise<void> {
  const guest = await server.raw()
  await server.signedIn(guest, 'presence-room', { user_id: 2, user_info: { name: 'Zoë' } })
  expect(await teller.next()).toEqual(['joined 2 {"name":"Zoë"}'])
  await guest[Symbol.asyncDispose]()
  expect(await teller.next()).toEqual(['left 2'])
}

describeWith(GO.toolchain, GO.name, () => {
  test(
    'hears events after pings and pongs, whose data it takes for text',
    async () => {
      await install(GO)
      await using server = await start()
      await using teller = run(GO, server)
      expect(await teller.next()).toEqual([...GO.subscribed])
      await server.waitForReceived(2) // its ping beside its subscription
      await expectHeard(server, GO, teller)

      const before = server.totals.messagesReceived
      server.advance(1000 * server.config.activityTimeoutSeconds + 5000) // it is silent, and is asked
      await server.waitForReceived(before + 1)
      await expectHeard(server, GO, teller)
      expect([server.totals.connectionsAccepted, server.totals.messagesRefused]).toEqual([1, 0])
    },
    TIMEOUT,
  )
})

/** How a server may go. */
const ENDS: readonly (readonly [name: string, end: (server: TestServer) => Promise<void>])[] = [
  ['that said goodbye', (server) => server.leave()],
  ['that was cut off', (server) => server.stop()],
]

for (const client of LASTING)
  describeWith(client.toolchain, client.name, () => {
    test.concurrent(
      'comes back to a server that was started again, and to its channels',
      async () => {
        await install(client)
        let server = await start()
        await using teller = run(client, server)
        for (const [name, end] of ENDS) {
          expect([name, ...(await teller.next(client.subscribed.length))]).toEqual([
            name,
            ...client.subscribed,
          ])
          await expectHeard(server, client, teller)
          if (client.presence) await expectMember(server, teller)
          const { port } = server
          await end(server)
          server = await start({ config: { port } })
        }
        await using last = server
        expect(await teller.next(client.subscribed.length)).toEqual([...client.subscribed])
        await expectHeard(last, client, teller)
      },
      TIMEOUT,
    )
  })
