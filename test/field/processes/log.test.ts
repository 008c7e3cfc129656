/** The log of the program when nobody reads it: it blocks nothing, and reports how many lines were lost. */
import { afterAll, expect, test } from 'bun:test'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { BUILT } from '../../built'
import { nextLook, RawClient, waitFor } from '../../harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-log-'))
const started: Subprocess[] = []
afterAll(() => {
  for (const child of started) child.kill('SIGKILL') // those of a test that has failed
  rmSync(folder, { recursive: true, force: true })
})

/** A plugin that logs a kilobyte for each frame. */
const chatty = join(folder, 'chatty.ts')
writeFileSync(
  chatty,
  `const text = 'x'.repeat(1000)
  const setup = ({ log }) => ({ frame: (conn, frame) => log.warn({ text, frame }, 'said') })
  export default { plugins: [{ name: 'chatty', carillon: 1, setup }] }`,
)

const env = {
  PATH: process.env['PATH'] ?? '',
  PORT: '0',
  DATABASE_PATH: ':memory:',
  CARILLON_CONFIG: chatty,
  CARILLON_DRAIN_SECONDS: '0',
}
const command = [BUILT]

/** A megabyte waits and a pipe holds 64 KB, so these are too many. */
const FRAMES = 2000

/** Says so much that lines are dropped; resolves once the server has heard it. */
async function triggerLog(port: number): Promise<void> {
  await using client = new RawClient(`ws://127.0.0.1:${port}/app/test-app-fake-key`)
  await client.hello()
  for (let n = 0; n < FRAMES; n++) client.send({ event: 'pusher:pong', data: {} })
  await client.expectNothing()
  expect((await fetch(`http://127.0.0.1:${port}/up`)).status).toBe(200)
}

const portIn = (text: string): number | undefined => {
  const port = /ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1]
  return port === undefined ? undefined : Number(port)
}

async function portOf(output: ReadableStream<Uint8Array>): Promise<number> {
  let text = ''
  for await (const bytes of output) {
    text += Buffer.from(bytes).toString()
    const port = portIn(text)
    if (port !== undefined) return port
  }
  throw new Error(`ended before it listened: ${text}`)
}

let pipes = 0

/** A pipe of which it depends on the test whether anybody reads. */
function pipe() {
  const path = join(folder, `pipe-${pipes++}`)
  Bun.spawnSync(['mkfifo', path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const chunk = Buffer.alloc(65_536)
  let text = ''
  return {
    path,
    /** Reads all lines until the one that marks the end. */
    until: async (message: string): Promise<Record<string, unknown>[]> => {
      while (!text.includes(`"msg":"${message}`)) {
        try {
          text += chunk.toString('utf8', 0, readSync(fd, chunk))
        } catch {
          await nextLook() // EAGAIN: nothing yet
        }
      }
      const lines = text.split('\n').slice(0, -1)
      text = ''
      return lines.map((line) => JSON.parse(line))
    },
    close: () => closeSync(fd),
  }
}

test('a pipe that nobody reads holds up nobody; what it lost is told, and the program leaves', async () => {
  const log = pipe()
  const child = Bun.spawn(command, { env, stdout: 'pipe', stderr: Bun.file(log.path) })
  started.push(child)
  const port = await portOf(child.stdout)
  await triggerLog(port)
  const lines = await waitFor('the count', log.until('log lines were dropped'))
  const found = lines.filter(({ msg }) => msg === 'said')
  const { lines: dropped } = lines.at(-1)!
  expect(dropped).toBeGreaterThan(0)
  expect(found.length + Number(dropped)).toBe(FRAMES + 1) // and the ping after them

  await triggerLog(port)
  child.kill('SIGTERM')
  expect(await waitFor('the exit', child.exited)).toBe(0)
  log.close()
})

test('a pipe that somebody reads has the last line', async () => {
  const child = Bun.spawn(command, { env, stdout: 'pipe', stderr: 'pipe' })
  started.push(child)
  await portOf(child.stdout)
  child.kill('SIGTERM')
  const text = await new Response(child.stderr).text()
  expect(text).toContain('"msg":"left"')
  expect(await child.exited).toBe(0)
})

test('a start that fails has logged what it had to say before', async () => {
  const failing = { ...env, PORT: '', SOKETI_PORT: '0', DATABASE_PATH: folder }
  const child = Bun.spawn(command, { env: failing, stdout: 'ignore', stderr: 'pipe' })
  started.push(child)
  const [note = '', reason] = (await new Response(child.stderr).text()).split('\n')
  expect(JSON.parse(note)).toMatchObject({ msg: 'SOKETI_PORT is read as PORT' })
  expect(reason).toStartWith(`carillon: database ${folder}: `)
  expect(await child.exited).toBe(1)
})

test('a reader that is gone ends nothing', async () => {
  const log = pipe()
  const child = Bun.spawn(command, { env, stdout: 'pipe', stderr: Bun.file(log.path) })
  started.push(child)
  const port = await portOf(child.stdout)
  log.close()
  await triggerLog(port)
  child.kill('SIGTERM')
  expect(await waitFor('the exit', child.exited)).toBe(0)
})

const [CTRL_S, CTRL_Q] = ['\x13', '\x11']

test('a terminal that stands still holds up nobody either', async () => {
  let text = ''
  const terminal = new Bun.Terminal({
    cols: 80,
    rows: 24,
    data: (_, bytes) => (text += Buffer.from(bytes).toString()),
  })
  const child = Bun.spawn(command, { env, terminal })
  started.push(child)
  const until = async (wanted: () => unknown): Promise<void> => {
    while (!wanted()) await nextLook()
  }
  await waitFor(
    'the announcement',
    until(() => portIn(text)),
  )
  const port = portIn(text)!
  terminal.write(CTRL_S)
  await triggerLog(port)
  terminal.write(CTRL_Q)
  await waitFor(
    'the count',
    until(() => text.includes('log lines were dropped')),
  )
  terminal.write(CTRL_S)
  await triggerLog(port)
  child.kill('SIGTERM')
  expect(await waitFor('the exit', child.exited)).toBe(0)
  terminal.close()
})
