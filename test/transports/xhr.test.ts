/** Contract 9.2, row by row, without a library. */
import { describe, expect, test } from 'bun:test'
import { PONG, start } from '../harness'
import { messagesOf, XhrClient } from './xhr-client'

const PING = { event: 'pusher:ping', data: {} }
const SUBSCRIBED = '{"event":"pusher_internal:subscription_succeeded","channel":"room","data":"{}"}'
const event = (data: string) => `{"event":"e","channel":"room","data":${JSON.stringify(data)}}`

describe('a session is opened', () => {
  test('by a poll: o, then the hello', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    const [first, second] = await client.poll()
    expect(first).toBe('o')
    expect(JSON.parse(messagesOf(second!)[0]!)).toEqual({
      event: 'pusher:connection_established',
      data: expect.stringMatching(/^\{"socket_id":"\d+\.\d+","activity_timeout":30\}$/),
    })
    expect(server.listFactNames()).toEqual(['connected'])
  })

  test('by a stream: the same, and the response stays open', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    const stream = await client.openStream()
    expect(client.socketId).toMatch(/^\d+\.\d+$/)
    await client.send(PING)
    expect(await stream.nextMessage()).toBe(PONG)
  })

  test.each(['/pusher/app', '/app'])('below %s', async (path) => {
    await using server = await start()
    const url = `${path}/${server.app.key}/1/abcdefgh/xhr?protocol=7`
    expect(await (await server.http(url, { method: 'POST' })).text()).toStartWith('o\n')
  })

  test('below the path prefix', async () => {
    await using server = await start({ config: { pathPrefix: '/ws' } })
    const url = `/pusher/app/${server.app.key}/1/abcdefgh/xhr?protocol=7`
    expect((await server.http(url, { method: 'POST' })).status).toBe(404)
    expect(await (await server.http(`/ws${url}`, { method: 'POST' })).text()).toStartWith('o\n')
  })

  test.each([
    ['of another app’s key', '/app/nobody/1/abcdefgh', 4001],
    ['of protocol 3', '/app/KEY/1/abcdefgh', 4007],
  ])('and refused with the code of a WebSocket: %s', async (_, path, code) => {
    await using server = await start()
    const url = `${path.replace('KEY', server.app.key)}/xhr?protocol=3`
    const lines = (await (await server.http(url, { method: 'POST' })).text()).split('\n')
    expect(lines[0]).toBe('o')
    expect(JSON.parse(messagesOf(lines[1]!)[0]!)).toMatchObject({
      event: 'pusher:error',
      data: { code },
    })
    expect(lines[2]).toStartWith(`c[${code},"`)
    expect(server.server.xhr.count).toBe(0)
  })

  test.each(['/app/KEY/1/short/xhr', '/app/KEY/1000/abcdefgh/xhr', '/app/KEY/1/abcdefgh/htmlfile'])(
    'not by %s',
    async (path) => {
      await using server = await start()
      const { status } = await server.http(path.replace('KEY', server.app.key), { method: 'POST' })
      expect({ status, sessions: server.server.xhr.count }).toEqual({ status: 404, sessions: 0 })
    },
  )
})

describe('polling', () => {
  test('answers at once with what has come since the last poll, in order', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    for (const data of ['1', '2', '3']) await server.trigger({ channel: 'room', name: 'e', data })
    const [line, ...rest] = await client.poll()
    expect(messagesOf(line!)).toEqual([SUBSCRIBED, event('1'), event('2'), event('3')])
    expect(rest).toEqual([])
  })

  test('waits while there is nothing', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    await client.messages(1)
    const polled = client.poll()
    await server.trigger({ channel: 'room', name: 'e', data: 'later' })
    expect((await polled).flatMap(messagesOf)).toEqual([event('later')])
  })

  test('of two polls at once, the earlier one ends empty and the later one gets it all', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    const polls = [client.poll(), client.poll()]
    expect(await Promise.race(polls)).toEqual([])
    await client.send(PING)
    expect((await Promise.all(polls)).flat().flatMap(messagesOf)).toEqual([PONG])
  })
})

describe('sending', () => {
  test('takes a list of messages, answered with 204', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    const { status } = await client.send(PING, PING)
    expect({ status, pongs: await client.messages(2) }).toEqual({
      status: 204,
      pongs: [PONG, PONG],
    })
  })

  test('an empty list is answered with an empty frame', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    const stream = await client.openStream()
    expect((await client.send()).status).toBe(204)
    expect(await stream.lines.next()).toBe('a[]')
    const poller = await new XhrClient(server).open()
    await poller.send()
    expect(await poller.poll()).toEqual(['a[]'])
  })

  test.each([
    ['no JSON', '[', 400],
    ['no list', '{"event":"pusher:ping"}', 400],
    ['a list of other things', '[{"event":"pusher:ping"}]', 400],
    ['nothing', '', 400],
    ['bytes that are no text', Buffer.from('["\xff\xfe"]', 'latin1'), 400],
    ['text of two bytes each', Buffer.from('[]', 'utf16le'), 400],
    ['half a surrogate pair, escaped', '["\\ud800"]', 400],
    ['an object like a list', '{"0":"x","length":1}', 400],
    ['nested too deep', '['.repeat(100_000), 400],
    ['too many messages', JSON.stringify(Array(101).fill('{}')), 413],
    ['more than a megabyte', JSON.stringify(['x'.repeat(1_200_000)]), 413],
  ])('%s is refused and the session stays', async (_, body, status) => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    const response = await client.post('xhr_send', body)
    expect({ status: response.status, text: await response.text() }).toEqual({
      status,
      text: expect.stringMatching(/^.+\n$/),
    })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    await client.send(PING)
    expect(await client.messages(1)).toEqual([PONG])
  })

  test('a message that is garbage is refused as on a WebSocket', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    await client.send('garbage', 'x'.repeat(100_000))
    const errors = (await client.messages(2)).map((text) => JSON.parse(text))
    expect(errors).toMatchObject([
      { event: 'pusher:error', data: { code: null } },
      { event: 'pusher:error', data: { code: null } },
    ])
  })

  test('to a session that does not exist is 404', async () => {
    await using server = await start()
    const response = await new XhrClient(server).send(PING)
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: 404,
      text: 'The session does not exist\n',
    })
  })

  test('to another app’s session is 404: the key belongs to its name', async () => {
    await using server = await start({
      apps: [
        { id: '1', key: 'key-1', secret: 'secret-1', name: 'First app' },
        { id: '2', key: 'key-2', secret: 'secret-2', name: 'Second app' },
      ],
    })
    const client = await new XhrClient(server, { key: 'key-1' }).open()
    const stranger = new XhrClient(server, { key: 'key-2', session: client.session })
    expect((await stranger.send(PING)).status).toBe(404)
    await client.send(PING)
    expect(await client.messages(1)).toEqual([PONG])
  })
})

describe('pages of other origins', () => {
  test.each(['xhr', 'xhr_streaming', 'xhr_send'])('may ask before %s', async (verb) => {
    await using server = await start()
    const { base } = new XhrClient(server)
    const { status, headers } = await server.http(`${base}/${verb}?t=1`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://example.org',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    })
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-methods')).toBe('POST, OPTIONS')
    expect(headers.get('access-control-allow-headers')).toBe('content-type')
    expect(headers.get('access-control-max-age')).toBe('86400')
  })

  test.each(['xhr', 'xhr_streaming'])('may read the answer of %s', async (verb) => {
    await using server = await start()
    const abort = new AbortController()
    const { headers } = await new XhrClient(server).post(verb, '', { signal: abort.signal })
    abort.abort()
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-accel-buffering')).toBe('no')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-request-id')).toBeString()
  })
})

test('GET is no request of the fallback', async () => {
  await using server = await start()
  const { status } = await server.http(`${new XhrClient(server).base}/xhr`)
  expect({ status, sessions: server.server.xhr.count }).toEqual({ status: 404, sessions: 0 })
})
