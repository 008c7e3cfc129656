/** Which of two listeners of one port the system gives new connections to, and how many wait. Linux alone. */
import { expect, test } from 'bun:test'
import { countWaiting, steerAway, steerHere, steerNowhere } from '../src/takeover/steering'

const serve = (port: number, name: string) =>
  Bun.serve({
    port,
    hostname: '127.0.0.1',
    reusePort: true,
    fetch: () => new Response(name, { headers: { connection: 'close' } }),
  })

const isLinux = process.platform === 'linux'

test.skipIf(!isLinux)('the newer one gets all, and still does when it is alone', async () => {
  const older = serve(0, 'older')
  const port = older.port!
  await using newer = serve(port, 'newer')
  const ask = async (): Promise<ReadonlySet<string>> => {
    const asked = Array.from({ length: 30 }, () => fetch(newer.url, { keepalive: false }))
    return new Set(await Promise.all(asked.map(async (answer) => (await answer).text())))
  }
  expect(await ask()).toEqual(new Set(['older', 'newer']))
  expect(steerHere([port])).toBe(true)
  expect(await ask()).toEqual(new Set(['newer']))
  await older.stop(false)
  expect(await ask()).toEqual(new Set(['newer']))
  await using third = serve(port, 'third') // of the next takeover
  expect(await ask()).toEqual(new Set(['third']))
  expect([third.port, steerHere([1])]).toEqual([port, false])
})

test.skipIf(!isLinux)(
  'all but one get them, in the order in which they began to listen',
  async () => {
    await using first = serve(0, 'first')
    const port = first.port!
    await using second = serve(port, 'second')
    await using third = serve(port, 'third')
    expect(second.port).toBe(port)
    const heard = async (): Promise<string[]> => {
      const asked = Array.from({ length: 60 }, () => fetch(third.url, { keepalive: false }))
      const names = await Promise.all(asked.map(async (answer) => (await answer).text()))
      return [...new Set(names)].toSorted()
    }
    for (const [index, others] of [
      ['second', 'third'],
      ['first', 'third'],
      ['first', 'second'],
    ].entries()) {
      expect(steerAway([port], { index, count: 3 })).toBe(true)
      expect(await heard()).toEqual(others)
    }
    expect(steerAway([port], { index: 0, count: 3, to: 2 })).toBe(true)
    expect(await heard()).toEqual(['third'])
    steerNowhere([port])
    expect(await heard()).toEqual(['first', 'second', 'third'])
    await first.stop() // the last is in its place
    expect(steerAway([port], { index: 0, count: 2 })).toBe(true)
    expect(await heard()).toEqual(['second'])
    await using fourth = serve(port, 'fourth')
    expect(fourth.port).toBe(port)
    expect(steerAway([port], { index: 2, count: 3 })).toBe(true)
    expect(await heard()).toEqual(['second', 'third'])
  },
)

test.skipIf(!isLinux)('connections that are not accepted yet are counted', async () => {
  await using server = serve(0, 'own')
  const port = server.port!
  expect(countWaiting([port])).toBe(0)
  const connect = `for (let n = 0; n < 3; n++)
    await Bun.connect({ hostname: '127.0.0.1', port: ${port}, socket: { data() {} } })
  process.exit()`
  Bun.spawnSync([process.execPath, '-e', connect]) // this process accepts nothing meanwhile
  expect(countWaiting([port])).toBe(3)
  expect(await (await fetch(server.url)).text()).toBe('own')
  expect(countWaiting([port])).toBe(0)
})
