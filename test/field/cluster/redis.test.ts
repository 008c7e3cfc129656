/** Redis of tests, and the proxy in front of it, do what tests of N nodes rely on. */
import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { Inbox, nextLook } from '../../harness'
import { startProxy } from '../../redis/proxy'
import { findRedisPrograms, MASTER_NAME, startRedis } from '../../redis/redis'
import { describeWith } from '../programs'

/** What redis-cli prints for nothing. */
const NOTHING = ''

const PROGRAMS = findRedisPrograms().map((program) => [program] as const)

describeWith('redis-server', 'Redis of tests', () => {
  test.each(PROGRAMS)('%s: a restart keeps data, or has none', async (program) => {
    for (const persistent of [false, true]) {
      await using redis = await startRedis({ program, persistent })
      const { port } = redis
      await redis.cli('set', 'a', '1')
      await redis.restart({ keepData: true })
      expect(await redis.cli('get', 'a')).toBe('1')
      await redis.restart({ keepData: false })
      expect(await redis.cli('get', 'a')).toBe(NOTHING)
      expect(redis.port).toBe(port)
      await redis.cli('debug', 'sleep', '0')
    }
  })

  test.each(PROGRAMS)(
    '%s: TLS, a password, and users with rights of their own',
    async (program) => {
      const acl = ['carillon on >word ~carillon:* +get +set']
      await using redis = await startRedis({ program, tls: true, password: 'secret', acl })
      expect(redis.url).toBe(`rediss://:secret@127.0.0.1:${redis.port}`)
      const asUser = ['--no-auth-warning', '--user', 'carillon', '--pass', 'word']
      expect(await redis.cli(...asUser, 'set', 'carillon:a', '1')).toBe('OK')
      await expect(redis.cli(...asUser, 'set', 'other', '1')).rejects.toThrow('NOPERM')
      expect(await redis.cli('get', 'carillon:a')).toBe('1')
    },
  )

  test.each(PROGRAMS)('%s: masters share the slots', async (program) => {
    await using redis = await startRedis({ program, cluster: 3 })
    expect(new Set(redis.ports).size).toBe(3)
    for (const key of ['a', 'b', 'c', 'd'])
      expect(await redis.cli('-c', 'set', key, '1')).toBe('OK')
    const moved = redis.cli('set', 'a', '1').catch(({ message }: Error) => message)
    expect(await moved).toContain('MOVED 15495')
  })

  test.each(PROGRAMS)('%s: Sentinel makes the replica a master', async (program) => {
    await using redis = await startRedis({ program, sentinel: true })
    const masterPort = async () =>
      (await redis.sentinel!.cli('sentinel', 'get-master-addr-by-name', MASTER_NAME)).split('\n')[1]
    expect(await masterPort()).toBe(String(redis.port))
    await redis.stop()
    while ((await masterPort()) === String(redis.port)) await nextLook()
    expect(await masterPort()).toBe(String(redis.ports[1]))
  })

  test('a proxy cuts, stalls, delays and heals', async () => {
    await using redis = await startRedis()
    await using proxy = await startProxy(redis.port)
    using first = new Line(proxy.port)
    expect(await first.ask('PING')).toBe('+PONG')
    proxy.stall()
    first.send('SET a 1')
    using second = new Line(proxy.port)
    second.send('GET b')
    expect(await redis.cli('get', 'a')).toBe(NOTHING)
    expect(first.answers.unread).toEqual([])
    await proxy.heal()
    expect(await first.answers.next()).toBe('+OK')
    expect(await second.answers.next()).toBe('$-1')
    proxy.delay(50)
    const before = performance.now()
    expect(await first.ask('PING')).toBe('+PONG')
    expect(performance.now() - before).toBeGreaterThan(60) // each way; a bound from below, so never by chance
    await proxy.cut()
    await first.closed
    using refused = new Line(proxy.port)
    expect(await refused.closed).toBe('ECONNREFUSED')
    await proxy.heal()
    using third = new Line(proxy.port)
    expect(await third.ask('PING')).toBe('+PONG')
    proxy.reset()
    await third.closed
    using fourth = new Line(proxy.port)
    expect(await fourth.ask('PING')).toBe('+PONG')
  })

  test('a Redis that stands still answers when it goes on', async () => {
    await using redis = await startRedis()
    using line = new Line(redis.port)
    expect(await line.ask('PING')).toBe('+PONG')
    redis.pause()
    line.send('PING')
    expect(line.answers.unread).toEqual([])
    redis.resume()
    expect(await line.answers.next()).toBe('+PONG')
  })
})

/** A connection that speaks Redis' inline commands. */
class Line {
  readonly answers = new Inbox<string>()
  /** The code of the error that ended it, if any. */
  readonly closed: Promise<string | undefined>
  readonly #socket

  constructor(port: number) {
    const socket = connect(port, '127.0.0.1')
    let code: string | undefined
    socket.on('error', (cause: NodeJS.ErrnoException) => (code = cause.code))
    socket.on('data', (bytes) =>
      bytes
        .toString()
        .trimEnd()
        .split('\r\n')
        .forEach((line) => this.answers.push(line)),
    )
    this.closed = new Promise((resolve) => socket.on('close', () => resolve(code)))
    this.#socket = socket
  }

  send(command: string): void {
    this.#socket.write(`${command}\r\n`)
  }

  ask(command: string): Promise<string> {
    this.send(command)
    return this.answers.next(`the answer to ${command}`)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}
