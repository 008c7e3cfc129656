/** The backends that examples/auth-server/README.md shows in other languages: what they sign opens the room, and no other. */
import { expect } from 'bun:test'
import { connect } from 'node:net'
import { findFreePort } from '../../../bench/lib/processes'
import { blocksOf, readPage } from '../../docs/pages'
import { nextLook, start, waitFor } from '../../harness'
import { ENVIRONMENT, type Command } from '../commands'

export type Backend = {
  /** That of its block. */
  readonly language: string
  /** Where the block is written, in a folder of its own. */
  readonly file: string
  /** What is run there. */
  readonly run: Command
}

/** Starts the backend in a folder, and asks it as clients do. */
export async function expectSigns({ language, file, run }: Backend, cwd: string): Promise<void> {
  const blocks = blocksOf(await readPage('examples/auth-server/README.md'))
  const { code } = blocks.find((block) => block.language === language)!
  const port = String(findFreePort())
  await Bun.write(`${cwd}/${file}`, code.replaceAll('3000', port))
  const command = run.map((word) => word.replace('3000', port))
  const child = Bun.spawn(command, {
    cwd,
    env: ENVIRONMENT,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  try {
    await expectAnswers(`http://127.0.0.1:${port}/pusher/auth`, child)
  } finally {
    child.kill('SIGKILL')
    await child.exited
  }
}

async function expectAnswers(address: string, child: Bun.Subprocess): Promise<void> {
  await using server = await start()
  await using client = await server.raw()
  const ask = (socketId: string, channel: string): Promise<Response> =>
    fetch(address, { method: 'POST', body: form(socketId, channel) })
  const untilItAnswers = async (): Promise<void> => {
    while (!(await ask('1.2', 'public').catch(() => undefined)))
      if (child.exitCode === null) await nextLook()
      else throw new Error(`it ended with ${child.exitCode}`)
  }
  await waitFor('the backend', untilItAnswers())

  const signed = await (await ask(client.socketId, 'private-team')).json()
  expect(signed).toEqual(server.sdk().authorizeChannel(client.socketId, 'private-team'))
  const { auth, channel_data: data } = await (await ask(client.socketId, 'presence-team')).json()
  await client.subscribed('presence-team', auth, data)
  expect(JSON.parse(data)).toEqual({ user_id: 'ada', user_info: { name: 'Ada' } })
  const refused = [ask(client.socketId, 'private-board'), ask('1.2::user::{}', 'private-team')]
  expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([403, 400])
  const flood = await fetch(address, { method: 'POST', body: 'x'.repeat(5000) })
  expect(flood.ok).toBe(false)
  // Less than nothing is no length: what follows, however much, is not read.
  const answer = await waitFor('an end', hearOf(address, '-1', form('1.2', 'private-team')))
  expect(answer).not.toContain(' 200 ')
}

const form = (socketId: string, channel: string): URLSearchParams =>
  new URLSearchParams({ socket_id: socketId, channel_name: channel })

/** All that is answered to a form that says how long it is. */
function hearOf(address: string, length: string, body: URLSearchParams): Promise<string> {
  const { port, pathname } = new URL(address)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const head = `POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`
  let heard = ''
  const socket = connect(Number(port), '127.0.0.1', () => socket.end(`${head}${body}`))
  socket.on('data', (bytes) => (heard += bytes.toString()))
  socket.on('close', () => resolve(heard))
  socket.on('error', reject)
  return promise
}
