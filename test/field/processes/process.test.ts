/** The program itself: what it prints, what stops it from starting, how it leaves. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RawClient, waitFor } from '../../harness'
import { Program } from '../../program'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the announcement', () => {
  test('shows addresses, credentials, PUSHER_URL and a snippet', async () => {
    await using program = new Program()
    const port = await program.waitUntilListening()
    program.process.kill('SIGTERM')
    expect(await program.waitForExit()).toBe(0)
    const text = await program.output
    for (const line of [
      `ws://127.0.0.1:${port}/app/test-app-fake-key`,
      `http://127.0.0.1:${port}/apps/1/events`,
      `http://127.0.0.1:${port}/swagger`,
      `PUSHER_URL  http://test-app-fake-key:test-app-fake-secret@127.0.0.1:${port}/apps/1`,
      'pusher_admin_password',
      `    wsPort: ${port},`,
    ])
      expect(text).toContain(line)
    const lines = (await program.errors).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ msg: 'listening', host: '127.0.0.1', port, pathPrefix: '' }),
    )
  })

  test('keeps secrets of the settings to itself', async () => {
    await using program = new Program({
      PUSHER_APP_ID: '7',
      PUSHER_APP_KEY: 'key7',
      PUSHER_APP_SECRET: 'hush-hush',
    })
    await program.waitUntilListening()
    program.process.kill('SIGTERM')
    await program.waitForExit()
    expect(await program.output).toContain('http://key7:YOUR_SECRET@127.0.0.1')
    expect(`${await program.output}${await program.errors}`).not.toContain('hush-hush')
  })

  test('a setting that does not exist is warned of, and the server runs', async () => {
    await using program = new Program({ CARILLON_DRAIN_SECOND: '1' })
    await program.waitUntilListening()
    program.process.kill('SIGTERM')
    expect(await program.waitForExit()).toBe(0)
    expect(await program.errors).toContain('did you mean CARILLON_DRAIN_SECONDS?')
  })
})

describe('what stops the start', () => {
  const garbage = join(folder, 'garbage.sqlite')
  writeFileSync(
    garbage,
    'this is a text file and not a database, and it is long enough to be read as one',
  )
  const twice = join(folder, 'twice.ts')
  writeFileSync(
    twice,
    'export default { apps: [{ id: "8", key: "k7", secret: "s8", name: "App 7" }] }',
  )
  const CASES: readonly (readonly [name: string, env: Record<string, string>, lines: string[]])[] =
    [
      [
        'every bad setting, at once',
        { PORT: 'abc', CARILLON_MAX_USER_ID_CHARS: '0', PUSHER_APP_ID: '1' },
        [
          'carillon: PORT=abc: expected an integer from 0 to 65535',
          'carillon: CARILLON_MAX_USER_ID_CHARS=0: expected an integer from 1 to 1000',
          'carillon: PUSHER_APP_KEY is not set: expected a value, since it goes with PUSHER_APP_ID',
          'carillon: PUSHER_APP_SECRET is not set: expected a value, since it goes with PUSHER_APP_ID',
        ],
      ],
      [
        'a database that is none',
        { DATABASE_PATH: garbage },
        [`carillon: database ${garbage}: is not a SQLite database, or is corrupt`],
      ],
      [
        'apps that settings and file both bring',
        {
          PUSHER_APP_ID: '7',
          PUSHER_APP_KEY: 'k7',
          PUSHER_APP_SECRET: 's7',
          CARILLON_CONFIG: twice,
        },
        [
          `carillon: ${twice}: the app 8 has the name App 7, as the app 7 of PUSHER_APP_ID has`,
          `carillon: ${twice}: the app 8 has the slug app-7, as the app 7 of PUSHER_APP_ID has`,
          `carillon: ${twice}: the app 8 has the key k7, as the app 7 of PUSHER_APP_ID has`,
        ],
      ],
      [
        'a host that is not here',
        { HOST: '192.0.2.1' },
        ['carillon: 192.0.2.1:0 is not an address of this machine'],
      ],
    ]
  test.each(CASES)('%s: a line each, exit 1', async (_, env, lines) => {
    await using program = new Program(env)
    expect(await program.waitForExit()).toBe(1)
    expect((await program.errors).trim().split('\n')).toEqual(lines)
    expect(await program.output).toBe('')
  })

  test('a port in use', async () => {
    await using first = new Program()
    const port = await first.waitUntilListening()
    await using second = new Program({ PORT: String(port) })
    expect(await second.waitForExit()).toBe(1)
    expect(await second.errors).toBe(
      `carillon: 127.0.0.1:${port} is in use by another process (set PORT to another one)\n`,
    )
  })
})

describe('leaving', () => {
  const connect = async (port: number): Promise<RawClient> => {
    const client = new RawClient(`ws://127.0.0.1:${port}/app/test-app-fake-key`)
    await client.hello()
    return client
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('%s closes with 4200 and exits 0', async (signal) => {
    await using program = new Program()
    const port = await program.waitUntilListening()
    const clients = await Promise.all([connect(port), connect(port), connect(port)])
    program.process.kill(signal)
    for (const client of clients)
      expect(await client.closing()).toEqual({
        code: 4200,
        reason: 'Please reconnect immediately',
      })
    expect(await program.waitForExit()).toBe(0)
  })

  test('a request in flight is finished; meanwhile readiness is red and newcomers wait', async () => {
    await using program = new Program()
    const port = await program.waitUntilListening()
    const slow = await slowRequest(port)
    const client = await connect(port)
    program.process.kill('SIGTERM')
    await client.closing()
    slow.finish()
    expect(await waitFor('the answer', slow.answer)).toStartWith('HTTP/1.1 401')
    expect(await program.waitForExit()).toBe(0)
  })

  test('a second signal exits at once; one that comes twice is one', async () => {
    await using program = new Program()
    const port = await program.waitUntilListening()
    const slow = await slowRequest(port)
    const client = await connect(port)
    program.process.kill('SIGINT')
    program.process.kill('SIGINT')
    await client.closing()
    expect(program.process.exitCode).toBeNull()
    while (program.process.exitCode === null) {
      program.process.kill('SIGINT')
      await fetch(`http://127.0.0.1:${port}/up`).catch(() => undefined)
    }
    expect(program.process.exitCode).toBe(1)
    expect(await program.errors).toContain(
      '"signal":"SIGINT","msg":"a second signal: ended at once"',
    )
    await slow.answer
  })

  /** A POST whose body is not complete before `finish`. */
  async function slowRequest(port: number) {
    const answer = Promise.withResolvers<string>()
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => answer.resolve(bytes.toString()),
        close: () => answer.resolve('closed'),
      },
    })
    socket.write('POST /apps/1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{')
    return { answer: answer.promise, finish: () => socket.write('}') }
  }
})
