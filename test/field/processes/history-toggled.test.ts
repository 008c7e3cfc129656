/** What happens right before a crash: a durable stream that lacks an event is never taken for whole, and has its last one. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import { Inbox } from '../../harness'
import { Executable } from '../../built'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const newPath = (): string => join(folder, `${crypto.randomUUID()}.sqlite`)

const APP = { id: '7', name: 'seven', slug: 'seven', key: 'seven-key', secret: 'seven-secret' }
const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
const rule = { prefix: '', size: 100, ttl_seconds: 600, durable: true, rewind: 0 }

type Position = { readonly epoch: string; readonly offset: number }
type Frame = {
  readonly event: string
  readonly history?: Position & { readonly recovered?: boolean }
} & Partial<Position>

/** A server on a database, until it is killed. */
class Life {
  readonly program: Executable
  #port = 0

  constructor(path: string) {
    this.program = new Executable({ DATABASE_PATH: path })
  }

  async begin(): Promise<this> {
    this.#port = await this.program.waitUntilListening()
    return this
  }

  async admin(method: string, path: string, app?: object): Promise<void> {
    const headers = { authorization: ADMIN, 'content-type': 'application/json' }
    const body = app && JSON.stringify({ app })
    const url = `http://127.0.0.1:${this.#port}/api/admin/apps${path}`
    const response = await fetch(url, { method, headers, ...(body && { body }) })
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  }

  create(): Promise<void> {
    return this.admin('POST', '', { ...APP, history: [rule] })
  }

  change(...history: object[]): Promise<void> {
    return this.admin('PATCH', '/7', { history })
  }

  get sdk(): Server {
    const { id: appId, key, secret } = APP
    return new Server({ appId, key, secret, host: '127.0.0.1', port: String(this.#port) })
  }

  trigger(name: string, channel: string | string[] = 'room'): Promise<unknown> {
    return this.sdk.trigger(channel, name, 'x')
  }

  /** Subscribes; the reply, and the frames that follow it. */
  async subscribe(
    channel: string,
    asked: object,
  ): Promise<readonly [reply: Frame, rest: Inbox<Frame>]> {
    const frames = new Inbox<Frame>()
    const socket = new WebSocket(`ws://127.0.0.1:${this.#port}/app/${APP.key}?protocol=7`)
    socket.onmessage = ({ data }) => frames.push(JSON.parse(data as string))
    expect((await frames.next()).event).toBe('pusher:connection_established')
    socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel, ...asked } }))
    return [await frames.next(), frames]
  }

  async positionOf(channel: string): Promise<Position> {
    const [{ history }] = await this.subscribe(channel, { positions: true })
    return { epoch: history!.epoch, offset: history!.offset }
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.program.process.kill(signal)
    await this.program.process.exited
  }
}

describe('the last event of a cache channel', () => {
  const CHANNEL = 'cache-room'

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'outlives %s, with its position',
    async (signal) => {
      const path = newPath()
      const first = await new Life(path).begin()
      await first.create()
      for (const name of ['a', 'b']) await first.trigger(name, [CHANNEL, 'room'])
      const { epoch } = await first.positionOf(CHANNEL)
      await first.end(signal)
      const second = await new Life(path).begin()
      const [, plain] = await second.subscribe(CHANNEL, {})
      expect(await plain.next()).toEqual({ event: 'b', channel: CHANNEL, data: 'x' } as Frame)
      const [, placed] = await second.subscribe(CHANNEL, { positions: true })
      expect(await placed.next()).toMatchObject({ event: 'b', epoch, offset: 2 })
      const [{ history }, back] = await second.subscribe(CHANNEL, { since: { epoch, offset: 2 } })
      expect(history).toMatchObject({ recovered: true, missed: 0 })
      await second.trigger('marker', CHANNEL)
      for (const frames of [plain, placed, back]) expect((await frames.next()).event).toBe('marker')
      await second.end('SIGKILL')
    },
    60_000,
  )
})

/** What takes away that an event is kept, and what brings it back. */
const TOGGLES: readonly (readonly [
  name: string,
  off: (life: Life) => Promise<void>,
  on: (life: Life) => Promise<void>,
])[] = [
  ['a rule', (life) => life.change(), (life) => life.change(rule)],
  [
    'a rule for others',
    (life) => life.change({ ...rule, prefix: 'other' }),
    (life) => life.change(rule),
  ],
  ['`durable`', (life) => life.change({ ...rule, durable: false }), (life) => life.change(rule)],
  ['an app', (life) => life.admin('DELETE', '/7').then(() => life.create()), async () => {}],
]

describe.each(['SIGKILL', 'SIGTERM'] as const)('%s, right after off and on of', (signal) => {
  test.each(TOGGLES)(
    '%s',
    async (_, off, on) => {
      const path = newPath()
      const first = await new Life(path).begin()
      await first.create()
      const others = Array.from({ length: 3000 }, (__, n) => `room-${n}`)
      for (let from = 0; from < others.length; from += 100)
        await first.trigger('kept', others.slice(from, from + 100))
      await first.trigger('kept')
      const rooms = ['room', 'room-0', 'room-2999']
      const known = await Promise.all(rooms.map((room) => first.positionOf(room)))
      await off(first)
      await first.trigger('not kept', rooms)
      await on(first)
      await first.end(signal)
      const second = await new Life(path).begin()
      for (const [index, room] of rooms.entries()) {
        const [{ history }] = await second.subscribe(room, { since: known[index] })
        expect(history).toMatchObject({ recovered: false })
      }
      await second.end('SIGKILL')
    },
    60_000,
  )
})
