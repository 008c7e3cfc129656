/**
 * Floods: what one socket brings in one read of the runtime is thousands of frames or requests. A turn
 * of the event loop looks at as many as it has time for, whatever they are.
 */
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'bun:test'
import { totalCounters } from '../../src/core/counters'
import { MAX_DATA_KEYS } from '../../src/core/limits'
import { ARRIVALS_MS } from '../../src/core/slices'
import { COMMANDS_PER_CHANNEL, MAX_PINGS } from '../../src/protocols/session'
import { makePlugin, PONG, start, waitFor, type StartOptions, type TestServer } from '../harness'
import { KEY } from '../phoenix'
import { handshakeOf, maskedFrame } from '../stalled-reader'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A server on which each look at the clock takes so long that a turn has two. */
async function slow(options: StartOptions = {}) {
  let [ms, stepMs] = [0, 0]
  const server = await start({ ...options, meter: () => (ms += stepMs) })
  return {
    server,
    begin: () => void (stepMs = ARRIVALS_MS),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

function until(isSo: () => boolean): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!isSo()) await turn()
  }
  return waitFor('it', wait())
}

/** How much a number grew in one turn at the most, until it is what it is to be. */
async function mostPerTurn(number: () => number, wanted: number): Promise<number> {
  let most = 0
  const grow = async (): Promise<void> => {
    for (let before = number(); before < wanted;) {
      await turn()
      const after = number()
      most = Math.max(most, after - before)
      before = after
    }
  }
  await waitFor(`${wanted}`, grow())
  return most
}

/** Sends everything at once on a socket. Resolves with the answers. */
function pour(server: TestServer, bytes: Uint8Array | string): { socket: Socket; heard: string } {
  const poured = { socket: connect(server.port, '127.0.0.1'), heard: '' }
  poured.socket.on('data', (data) => (poured.heard += data.toString('latin1')))
  poured.socket.on('error', () => undefined)
  poured.socket.write(bytes)
  return poured
}

const waitForEnd = (socket: Socket): Promise<void> =>
  waitFor('the end', new Promise((resolve) => void socket.once('close', () => resolve())))

const handshake = ({ app }: TestServer): string => handshakeOf(app.key)

const PING = '{"event":"pusher:ping","data":{}}'

describe('frames of one packet', () => {
  test('are answered over many turns, in order', async () => {
    await using slowly = await slow()
    const { server, begin } = slowly
    const client = await server.raw()
    begin()
    for (let n = 0; n < 300; n++) client.send(n === 150 ? '{"event":"odd"}' : PING)
    const [conn] = server.core.hub.connections()
    let answers = 0
    const { reply } = conn!
    conn!.reply = (answer) => {
      answers++
      reply.call(conn, answer)
    }
    expect(await mostPerTurn(() => answers, 299)).toBeLessThan(50)
    const frames = await client.frames.take(300)
    expect(frames[150]).toContain('odd')
    expect(frames.filter((frame) => frame === PONG)).toHaveLength(299)
  })

  test('of Phoenix clients are, too', async () => {
    await using slowly = await slow()
    const { server, begin } = slowly
    const client = await server.raw({ path: `/socket/websocket?vsn=2.0.0&${KEY}`, hello: false })
    await until(() => client.socket.readyState === WebSocket.OPEN)
    begin()
    for (let n = 0; n < 300; n++) client.send(`["1","${n}","phoenix","heartbeat",{}]`)
    const { core } = server
    await turn()
    while (core.slices.turns === 0) await turn()
    const frames = await client.frames.take(300)
    expect(frames.map((frame) => (JSON.parse(frame) as string[])[1])).toEqual(
      Array.from({ length: 300 }, (_, n) => String(n)),
    )
    expect(core.slices.turns).toBeGreaterThan(50)
  })

  test('that are long are read in several turns, be it only to refuse them', async () => {
    await using slowly = await slow()
    const { server, begin } = slowly
    const client = await server.raw()
    const keys = Array.from({ length: 600 }, (_, key) => `"k${key}":1`).join()
    begin()
    for (let n = 0; n < 40; n++) client.send(`{"event":"pusher:subscribe","data":{${keys}}}`)
    expect(await mostPerTurn(() => server.totals.messagesRefused, 40)).toBeLessThanOrEqual(2)
    expect(await client.frames.take(40)).toHaveLength(40)
  })

  test('have so many keys of data that may be of use, and are read no further', async () => {
    await using slowly = await slow()
    const client = await slowly.server.raw()
    const subscribe = (count: number): string => {
      const keys = Array.from({ length: count - 1 }, (_, key) => `"k${key}":1`).join()
      return `{"event":"pusher:subscribe","data":{${keys},"channel":"room-${count}"}}`
    }
    client.send(subscribe(MAX_DATA_KEYS))
    client.send(subscribe(MAX_DATA_KEYS + 1))
    expect((await client.nextJson()).channel).toBe(`room-${MAX_DATA_KEYS}`)
    expect(await client.next()).toContain('Invalid pusher:subscribe')
  })

  test('are more than may wait: the connection is closed, its neighbour stays', async () => {
    await using slowly = await slow()
    const { server, begin } = slowly
    const neighbour = await server.raw()
    begin()
    const { socket, heard } = pour(server, handshake(server))
    expect(heard).toBe('')
    await waitFor(
      'two',
      (async () => {
        while (server.core.hub.connectionCount < 2) await turn()
      })(),
    )
    const over = waitForEnd(socket)
    socket.write(Buffer.concat(Array<Buffer>(20_000).fill(maskedFrame(PING))))
    await over
    expect(server.totals.queueOverflowsClosed).toBe(1)
    neighbour.send(PING)
    expect(await neighbour.next()).toBe(PONG)
  })

  test('are not read while those before them wait: who sends too much is slowed down, and loses none', async () => {
    await using slowly = await slow()
    const { server, begin } = slowly
    const poured = pour(server, handshake(server))
    await until(() => server.core.hub.connectionCount === 1)
    const [conn] = server.core.hub.connections()
    begin()
    const frame = maskedFrame(PING.replace('{}', `"${'x'.repeat(80)}"`))
    const most = COMMANDS_PER_CHANNEL * server.core.limits.maxChannelsPerConnection
    poured.socket.write(Buffer.concat(Array<Buffer>(2 * most).fill(frame)))
    let pauses = 0
    let wasUnread = false
    await until(() => {
      if (conn!.isUnread && !wasUnread) pauses++
      wasUnread = conn!.isUnread
      return server.totals.messagesReceived === 2 * most
    })
    expect(pauses).toBeGreaterThan(2)
    expect(server.totals.queueOverflowsClosed).toBe(0)
    await until(() => poured.heard.split('pusher:pong').length > 2 * most)
    poured.socket.destroy()
    await until(() => server.core.hub.connectionCount === 0)
  })

  test('are asked about by plugins once each, and not in a turn that is late', async () => {
    const calls: string[] = []
    const gate = makePlugin('gate', { frame: (_, frame) => void calls.push(frame) })
    await using slowly = await slow({ plugins: [gate] })
    const { server, begin } = slowly
    const client = await server.raw()
    begin()
    const frames = Array.from({ length: 300 }, (_, n) => `{"event":"pusher:ping","data":${n}}`)
    for (const frame of frames) client.send(frame)
    expect(await mostPerTurn(() => calls.length, 300)).toBeLessThan(50)
    expect(await client.frames.take(300)).toEqual(Array<string>(300).fill(PONG))
    expect(calls).toEqual(frames)
    expect(server.totals.messagesReceived).toBe(300)
  })

  test('that are large cost what they weigh: they are refused as ever, and nobody is closed', async () => {
    await using slowly = await slow()
    const { server, begin } = slowly
    const client = await server.raw()
    begin()
    const event = `{"event":"client-x","channel":"private-a","data":"${'x'.repeat(60_000)}"}`
    for (let n = 0; n < 60; n++) client.send(event)
    client.send(PING)
    while ((await client.next()) !== PONG);
    expect(server.totals.queueOverflowsClosed).toBe(0)
    expect(server.totals.clientEventsLimited).toBeGreaterThan(50)
  })

  test('that are large events are read in several turns; their client is slowed down, and loses none, also the last', async () => {
    const limits = { maxClientEventBytesPerSecond: 1e9, maxClientEventsPerSecond: 1e6 }
    await using slowly = await slow({ limits })
    const { server, begin } = slowly
    const [sender, receiver] = [await server.raw(), await server.raw()]
    for (const client of [sender, receiver]) await server.signedIn(client, 'private-a')
    const [conn] = server.core.hub.connections()
    let wasUnread = false
    begin()
    const data = '-'.repeat(9000)
    for (let n = 0; n < 200; n++)
      sender.send(`{"event":"client-x","channel":"private-a","data":"${n}${data}"}`)
    sender.socket.close()
    const read = (): number => {
      wasUnread ||= conn!.isUnread
      return server.totals.clientEvents
    }
    expect(await mostPerTurn(read, 200)).toBeLessThanOrEqual(2)
    expect(wasUnread).toBe(true)
    const heard = await receiver.frames.take(200)
    expect(heard.map((frame) => parseInt(JSON.parse(frame).data as string))).toEqual(
      Array.from({ length: 200 }, (_, n) => n),
    )
    expect(server.totals.queueOverflowsClosed).toBe(0)
  })

  test.each([
    ['pings', 9],
    ['pongs', 10],
  ])('that are native %s are so many and no more', async (_, opcode) => {
    await using server = await start()
    const { socket } = pour(server, handshake(server))
    await waitFor(
      'one',
      (async () => {
        while (server.core.hub.connectionCount < 1) await turn()
      })(),
    )
    const over = waitForEnd(socket)
    socket.write(Buffer.concat(Array<Buffer>(10 * MAX_PINGS).fill(maskedFrame('', opcode))))
    await over
    expect(server.totals.queueOverflowsClosed).toBe(1)
  })

  test('that are native pings are counted anew after each sweep', async () => {
    await using server = await start()
    const { core } = server
    const poured = pour(server, handshake(server))
    await until(() => core.hub.connectionCount === 1)
    for (let round = 1; round <= 3; round++) {
      poured.socket.write(Buffer.concat(Array<Buffer>(MAX_PINGS - 1).fill(maskedFrame('', 9))))
      poured.socket.write(maskedFrame(PING))
      await until(() => poured.heard.split('pusher:pong').length > round)
      server.advance(core.timing.sweepIntervalMs)
    }
    expect(totalCounters(core).queueOverflowsClosed).toBe(0)
    poured.socket.destroy()
  })
})

/** A request, as often as it fits into one read of the runtime. */
const makePipelined = (head: string, times: number): string =>
  `${head}\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`.repeat(times)

describe('requests of one packet', () => {
  test.each([
    ['GET /up HTTP/1.1'],
    ['GET /nowhere HTTP/1.1'],
    ['GET /api/admin/apps HTTP/1.1'],
    ['POST /apps/1/events HTTP/1.1'],
    ['OPTIONS /app/a/123/abcdefgh/xhr HTTP/1.1'],
  ])('%s: are looked at as long as the turn has time; who sends more is cut off', async (head) => {
    await using slowly = await slow()
    const { server, begin } = slowly
    begin()
    const poured = pour(server, makePipelined(head, 5000))
    await waitForEnd(poured.socket)
    expect(poured.heard.split('HTTP/1.1 ').length - 1).toBeLessThan(10)
    expect((await server.http('/up')).status).toBe(200)
  })

  test('are all answered while the turn has time', async () => {
    await using server = await start()
    const poured = pour(server, makePipelined('GET /up HTTP/1.1', 100))
    await until(() => poured.heard.split('HTTP/1.1 200').length - 1 === 100)
    poured.socket.destroy()
  })

  test('of many sockets are answered in the next turns, in the order in which they came', async () => {
    await using slowly = await slow()
    const { server, begin } = slowly
    begin()
    const answers = await Promise.all(Array.from({ length: 50 }, () => server.http('/up')))
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    expect(server.core.requests.size).toBe(0)
  })
})
