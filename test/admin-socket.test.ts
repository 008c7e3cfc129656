/** The admins' address is the file of a unix socket: who may use it, what is in its place, and when it goes. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AddressError } from '../src/bind'
import { ADMIN_PAIR, makeBasicAuth } from './credentials'
import { OWN_APP, start, type StartOptions } from './harness'
import { canBeDeprived, dropCapabilities, Program } from './program'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
let path = ''
beforeEach(() => {
  path = join(folder, `${files++}.sock`)
})

const startAt = (at: string, options: StartOptions = {}) =>
  start({ ...options, config: { ...options.config, adminListen: { path: at } } })
const ADMIN = makeBasicAuth(ADMIN_PAIR)
const isSocket = (at: string): boolean =>
  statSync(at, { throwIfNoEntry: false })?.isSocket() === true

describe('its file', () => {
  test('is for its owner only, whatever the mask of the process, which stays, and is gone at the stop', async () => {
    const before = process.umask(0)
    try {
      await using server = await startAt(path)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(process.umask()).toBe(0)
      expect((await server.adminHttp('/up')).status).toBe(200)
    } finally {
      process.umask(before)
    }
    expect(existsSync(path)).toBe(false)
  })

  test('goes as the server leaves', async () => {
    await using server = await startAt(path)
    await server.leave()
    expect(existsSync(path)).toBe(false)
  })

  test('replaces one that a dead process has left', async () => {
    await using first = new Program({ CARILLON_ADMIN_LISTEN: `unix:${path}` })
    await first.waitUntilListening()
    first.process.kill('SIGKILL')
    await first.process.exited
    expect(isSocket(path)).toBe(true)
    await using second = new Program({ CARILLON_ADMIN_LISTEN: `unix:${path}` })
    await second.waitUntilListening()
    const answer = await fetch('http://localhost/up', { unix: path })
    expect(await answer.json()).toEqual({ health: 'OK' })
    second.process.kill('SIGTERM')
    expect(await second.waitForExit()).toBe(0)
    expect(existsSync(path)).toBe(false)
    expect(await second.output).toContain(`admin API   unix:${path}\n`)
    expect(await second.errors).toContain(`"admins":"unix:${path}"`)
  })
})

const OBSTACLES: readonly (readonly [name: string, put: (at: string) => unknown])[] = [
  ['a file', (at) => writeFileSync(at, 'precious')],
  ['a folder', (at) => mkdirSync(at)],
  ['a link to nowhere', (at) => symlinkSync('/nowhere', at)],
]

describe('a start', () => {
  test.each(OBSTACLES)('leaves %s alone that is in its place', async (_, put) => {
    put(path)
    const before = lstatSync(path)
    await expect(startAt(path)).rejects.toThrow(
      new AddressError(
        `unix:${path} is there and is no socket (remove it, or set CARILLON_ADMIN_LISTEN)`,
      ),
    )
    expect(lstatSync(path)).toMatchObject({ ino: before.ino, mode: before.mode })
  })

  test('is refused by the socket of a live process, which goes on', async () => {
    const other = createServer((socket) => socket.end('other'))
    await new Promise<void>((resolve) => other.listen(path, resolve))
    await expect(startAt(path)).rejects.toThrow(
      new AddressError(
        `unix:${path} is in use by another process (set CARILLON_ADMIN_LISTEN to another one)`,
      ),
    )
    expect(isSocket(path)).toBe(true)
    await new Promise<void>((resolve) => other.close(() => resolve()))
  })

  test('names a folder that is missing or none, and lets nobody in', async () => {
    writeFileSync(join(folder, 'file'), '')
    for (const [at, line] of [
      [join(folder, 'none/a.sock'), 'is in a folder that does not exist'],
      [join(folder, 'file/a.sock'), 'is in a folder that is none'],
    ] as const)
      await expect(startAt(at)).rejects.toThrow(new AddressError(`unix:${at} ${line}`))
  })

  test.skipIf(!canBeDeprived)('names a folder that it may not write to, in one line', async () => {
    const closed = join(folder, 'closed')
    mkdirSync(closed, { mode: 0o555 })
    const at = join(closed, 'a.sock')
    await using program = new Program(
      { CARILLON_ADMIN_LISTEN: `unix:${at}` },
      { command: dropCapabilities('dac_override', 'dac_read_search') },
    )
    expect(await program.waitForExit()).toBe(1)
    expect(await program.errors).toBe(
      `carillon: unix:${at} needs rights that this user does not have\n`,
    )
  })
})

describe('published credentials', () => {
  test('are good through it while nobody else may use it', async () => {
    await using server = await startAt(path)
    expect((await server.admin('/api/admin/apps')).status).toBe(200)
    expect(await (await server.adminHttp('/swagger/defaults')).json()).toHaveProperty('password')
    for (const mode of [0o660, 0o606, 0o620]) {
      chmodSync(path, mode)
      const refused = await server.admin('/api/admin/apps')
      expect([refused.status, await refused.text()]).toEqual([
        403,
        expect.stringContaining('does not tell'),
      ])
      expect((await server.adminHttp('/swagger/defaults')).status).toBe(403)
    }
    chmodSync(path, 0o600)
    expect((await server.admin('/api/admin/apps')).status).toBe(200)
  })

  test('are refused where it was forwarded, asks for another host, or comes from a page', async () => {
    await using server = await startAt(path)
    for (const headers of [
      { 'x-forwarded-for': '203.0.113.1' },
      { host: 'evil.example' },
      { origin: 'https://evil.example' },
    ])
      expect(
        (await server.adminHttp('/api/admin/apps', { headers: { ...ADMIN, ...headers } })).status,
      ).toBe(403)
  })
})

describe('who is at its other end', () => {
  const config = { adminUsername: 'me', adminPassword: 'mine' }
  const headers = {
    ...makeBasicAuth('me:mine'),
    'x-forwarded-for': '203.0.113.7',
    'content-type': 'application/json',
  }
  const addressOf = async (options: StartOptions) => {
    await using server = await startAt(path, options)
    const created = await server.adminHttp('/api/admin/apps', {
      method: 'POST',
      headers,
      body: '{"app":{"name":"another"}}',
    })
    expect(created.status).toBe(201)
    return server.log.lines.find(({ message }) => message === 'admin change')?.fields
  }

  test('has no address, and is believed about forwarded ones only as a trusted proxy', async () => {
    expect(await addressOf({ config, apps: [OWN_APP] })).toMatchObject({ remoteAddress: 'unix' })
    const trusting = { ...config, trustedProxies: ['unix'] }
    expect(await addressOf({ config: trusting, apps: [OWN_APP] })).toMatchObject({
      remoteAddress: '203.0.113.7',
    })
  })
})
