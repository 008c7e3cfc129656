/** The program where files are few: what never sends its body, and what only connects. */
import { expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { nextLook, waitFor } from '../../harness'
import { readConfig } from '../../../src/config/config'
import { fileLimitWarnings } from '../../../src/open-files'
import { BUILT, Executable } from '../../built'

const FILES = 200

/** Sockets to the port, opened one after the other. */
async function sockets(port: number, count: number, text = ''): Promise<Socket[]> {
  const opened: Socket[] = []
  while (opened.length < count) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    if (text) socket.write(text)
    opened.push(socket)
  }
  return opened
}

const program = () =>
  new Executable(
    {
      CARILLON_PONG_TIMEOUT_SECONDS: '1',
      CARILLON_DRAIN_SECONDS: '0',
      CARILLON_MAX_CONNECTIONS: '1000',
    },
    { command: ['sh', '-c', `ulimit -n ${FILES}; exec ${BUILT}`] },
  )

test('bodies that never come leave half of the files to others', async () => {
  await using server = program()
  const port = await server.waitUntilListening()
  const session = `/pusher/app/test-app-fake-key/1/abcdefgh`
  const url = `http://127.0.0.1:${port}`
  await (await fetch(`${url}${session}/xhr?protocol=7`, { method: 'POST' })).text()
  const head = `POST ${session}/xhr_send HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n`
  const waiting = await sockets(port, 2 * FILES, head)
  expect((await waitFor('the answer', fetch(`${url}/up`))).status).toBe(200)
  for (const socket of waiting) socket.destroy()
}, 30_000)

test('more than the system allows is said at the start; while no file is left readiness is red, and the log has one line; and one at its end', async () => {
  await using server = program()
  const port = await server.waitUntilListening()
  const [probe] = await sockets(port, 1)
  const ready = async (): Promise<string> => {
    const answer = new Promise<Buffer>((resolve) => probe!.once('data', resolve))
    probe!.write('GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n')
    return (await waitFor('the answer', answer)).toString()
  }
  const until = async (text: string): Promise<void> => {
    while (!(await ready()).includes(text)) await nextLook()
  }
  await until('200 OK')
  const mute = await sockets(port, FILES)
  await until('files: no file descriptor is left')
  for (const socket of mute) socket.destroy()
  await until('200 OK')
  server.process.kill('SIGTERM')
  expect(await server.waitForExit()).toBe(0)
  const errors = await server.errors
  expect(errors).toContain(`CARILLON_MAX_CONNECTIONS=1000: the system allows ${FILES} open files`)
  const lines = errors.split('\n').filter((line) => line.includes('file descriptor'))
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'no file descriptor is left: nobody can connect', limit: FILES },
    { msg: 'file descriptors are left again' },
  ])
}, 30_000)

const LIMITS: readonly (readonly [
  env: Record<string, string>,
  files: number | undefined,
  names: string[],
])[] = [
  [{}, 1024, []],
  [{ CARILLON_MAX_CONNECTIONS: '768' }, 1024, []],
  [{ CARILLON_MAX_CONNECTIONS: '769' }, 1024, ['CARILLON_MAX_CONNECTIONS=769']],
  [{ CARILLON_MAX_CONNECTIONS: '769' }, undefined, []],
  [
    { CARILLON_MAX_CONNECTIONS: '10000000', CARILLON_MAX_REQUESTS: '9000' },
    1024,
    ['CARILLON_MAX_CONNECTIONS=10000000', 'CARILLON_MAX_REQUESTS=9000'],
  ],
]
test.each(LIMITS)('%j with %p files: %j', (env, files, names) => {
  const lines = fileLimitWarnings(readConfig(env), files)
  expect(lines.map((line) => line.slice(0, line.indexOf(':')))).toEqual(names)
  for (const line of lines) expect(line).toContain('1024 open files, which is room for 768')
})
