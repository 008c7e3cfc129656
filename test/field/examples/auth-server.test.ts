/** examples/auth-server, as its README says: who gets in, who does not, and what is never signed. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../../bench/lib/processes'
import { readPage } from '../../docs/pages'
import { start, waitFor, type TestServer } from '../../harness'
import type { LineReader } from '../commands'
import { describeWith } from '../programs'
import { expectSigns } from './backends'
import { expectPlayed, openExample, type Example } from './example'

/** Which commands the README has, and how each is played. */
const PLAYED = [
  'npm install',
  'node server.mjs',
  'client.mjs adas',
  'client.mjs bens',
  'curl',
  'curl',
]

const PORT = findFreePort()
const PAGE = 'http://127.0.0.1:8080'
const ASK = `http://127.0.0.1:${PORT}/pusher/auth`
const ADA = { authorization: 'Bearer adas-session' }

let server: TestServer
let example: Example
let backend: LineReader
/** What somebody hears who never sends the rest; it takes five seconds, and the other tests meanwhile. */
let slowness: Promise<string>

describeWith('npm', 'examples/auth-server', () => {
  beforeAll(async () => {
    server = await start()
    example = openExample('auth-server', { 6001: server.port, 3000: PORT })
    backend = example.start('node server.mjs')
    expect(await backend.next()).toEqual([`Signing on http://127.0.0.1:${PORT}`])
    slowness = askSlowly()
    slowness.catch(() => undefined) // looked at by its test
  })

  afterAll(async () => {
    await backend[Symbol.asyncDispose]()
    example[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  test('each command of the README is played here', () => {
    expectPlayed(example, PLAYED)
  })

  test('Ada enters everything, Ben is kept out of the board', async () => {
    const printed = example.block('text', 'in: private-team').trim().split('\n')
    await using ben = example.start('bens-session')
    expect(await ben.next(printed.length)).toEqual(printed.toSorted())
    await using ada = example.start('adas-session')
    const allIn = printed.map((line) => line.replace('403', 'in').replace('ben', 'ada'))
    expect(await ada.next(printed.length)).toEqual(allIn.toSorted())
    const people = await server.sdk().get({ path: '/channels/presence-team/users' })
    expect(await people.json()).toEqual({ users: [{ id: 'ben' }, { id: 'ada' }] })
    await server.sdk().trigger('private-board', 'hello', { n: 1 })
    await server.sdk().trigger('private-team', 'hello', { n: 2 })
    expect(await ada.next(2)).toEqual(['private-board says {"n":1}', 'private-team says {"n":2}'])
    expect(await ben.next()).toEqual(['private-team says {"n":2}'])
  })

  test('curl gets a signature for Ada, and a refusal for Ben', async () => {
    const [signed, refused] = example.blocks.filter(({ code }) => code.startsWith('curl'))
    const answer = JSON.parse(await example.run('presence-team')) as Record<string, string>
    expect(signed!.code).toContain('presence-team')
    expect(JSON.parse(answer['channel_data']!)).toEqual({
      user_id: 'ada',
      user_info: { name: 'Ada' },
    })
    expect(refused!.code).toContain('session=bens-session')
    expect(await example.run('session=bens-session')).toBe('Ben may not enter private-board')
  })

  const form = (socketId: string, channel: string): string =>
    String(new URLSearchParams({ socket_id: socketId, channel_name: channel }))
  const json = { ...ADA, 'content-type': 'application/json' }
  const REFUSED: readonly (readonly [string, number, RequestInit])[] = [
    ['nobody', 403, { body: form('1.2', 'private-team') }],
    [
      'an unknown session',
      403,
      { headers: { cookie: 'session=x' }, body: form('1.2', 'private-team') },
    ],
    [
      'a page of somebody else',
      403,
      { headers: { ...ADA, origin: 'http://evil.example' }, body: form('1.2', 'private-team') },
    ],
    ['the room of somebody else', 403, { headers: ADA, body: form('1.2', 'private-user-ben') }],
    ['a room that nobody knows', 403, { headers: ADA, body: form('1.2', 'presence-nowhere') }],
    ['a public channel', 400, { headers: ADA, body: form('1.2', 'team') }],
    ['more than a channel', 400, { headers: ADA, body: form('1.2', 'private-team:{}') }],
    [
      'another text to sign',
      400,
      { headers: ADA, body: form('1.2::user::{"id":"ben"}', 'private-team') },
    ],
    ['no channel', 400, { headers: ADA, body: 'socket_id=1.2' }],
    [
      'a list for a socket id',
      400,
      { headers: json, body: '{"socket_id":["1.2"],"channel_name":"private-team"}' },
    ],
    [
      'a list for a channel',
      400,
      { headers: json, body: '{"socket_id":"1.2","channel_name":["private-team"]}' },
    ],
    ['what is no JSON', 400, { headers: json, body: '{' }],
    ['null', 400, { headers: json, body: 'null' }],
    ['a long body', 413, { headers: ADA, body: 'x'.repeat(5000) }],
    ['a question by GET', 405, { method: 'GET', headers: ADA }],
  ]
  test('everything else is refused, with its reason and without a signature', async () => {
    for (const [what, status, question] of REFUSED) {
      const answer = await fetch(ASK, { method: 'POST', ...question })
      expect([what, answer.status]).toEqual([what, status])
      expect(await answer.text()).not.toContain('auth')
    }
    expect((await fetch(`http://127.0.0.1:${PORT}/secret`)).status).toBe(404)
  })

  test('pages of one origin may ask, by header too, and read the answer', async () => {
    const preflight = await fetch(ASK, { method: 'OPTIONS', headers: { origin: PAGE } })
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, content-type',
    ])
    const headers = { ...ADA, origin: PAGE }
    const answer = await fetch(ASK, {
      method: 'POST',
      headers,
      body: form('1.2', 'private-user-ada'),
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE)
    expect(await answer.json()).toEqual(server.sdk().authorizeChannel('1.2', 'private-user-ada'))
  })

  test('whoever is slow is cut off', async () => {
    expect(await waitFor('the cut', slowness)).toStartWith('HTTP/1.1 408 ')
  })
})

/** Sends a head, and never the body. */
function askSlowly(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let heard = ''
  const socket = connect(PORT, '127.0.0.1', () =>
    socket.write(
      `POST /pusher/auth HTTP/1.1\r\nhost: x\r\n${BEARER}content-length: 40\r\n\r\nsocket_id=`,
    ),
  )
  socket.on('data', (bytes) => (heard += bytes.toString()))
  socket.on('close', () => resolve(heard))
  socket.on('error', reject)
  return promise
}

const BEARER = `authorization: ${ADA.authorization}\r\n`

describeWith('php', 'examples/auth-server in PHP alone', () => {
  const run = ['php', '-S', '127.0.0.1:3000', 'auth.php'] as const
  test('signs as the README says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'auth-php-'))
    expect(await readPage('examples/auth-server/README.md')).toContain(`\`${run.join(' ')}\``)
    await expectSigns({ language: 'php', file: 'auth.php', run }, folder)
    rmSync(folder, { recursive: true })
  })
})
