/**
 * Frames of the Phoenix socket, in both versions: heartbeats, refs, and what cannot be decoded;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { connectPhoenix, makeReply } from '../phoenix'

const V1_HEARTBEAT = { topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '1' }

describe.each([1, 2] as const)('V%d', (version) => {
  const none = version === 2 ? null : undefined

  test('heartbeats are answered before any join, on both mounts (28)', async () => {
    await using server = await start()
    for (const mount of ['/socket', '/push_socket']) {
      await using client = await connectPhoenix(server, { mount, version })
      const heard = await client.request(null, '12', 'phoenix', 'heartbeat', {})
      expect(heard).toEqual(makeReply([none, '12', 'phoenix'], 'ok'))
    }
  })

  const UNDECODABLE = [
    'no json',
    'null',
    '[]',
    '["1","1","t","phx_join"]',
    version === 2
      ? '{"topic":"t","event":"phx_join","payload":{},"ref":"1"}'
      : '["1","1","t","phx_join",{}]',
    version === 2 ? '[{},"1","t","e",{}]' : '{"topic":"t","event":"e","payload":{},"ref":[]}',
    version === 2 ? '["1","1",7,"e",{}]' : '{"topic":"t","event":"e","ref":"1"}',
  ]
  test.each(UNDECODABLE)('%p closes with 1011 and touches nobody (8)', async (text) => {
    await using server = await start()
    await using other = await connectPhoenix(server, { version })
    await using client = await connectPhoenix(server, { version })
    client.client.send(text)
    expect((await client.client.closing()).code).toBe(1011)
    await other.expectNothing()
  })

  test('of the other version they are told so: phoenix.js can be given the wrong vsn', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version })
    const other = version === 1 ? [null, '1', 'phoenix', 'heartbeat', {}] : V1_HEARTBEAT
    client.client.send(JSON.stringify(other))
    expect(await client.client.closing()).toMatchObject({
      code: 1011,
      reason: 'Undecodable frame: it is not of the vsn that was asked for',
    })
  })

  test('a binary frame closes with 1011, too', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version })
    client.client.send(new Uint8Array([0, 1, 2, 6, 3, 54, 49, 56]))
    expect((await client.client.closing()).code).toBe(1011)
  })

  test('a frame that is too large closes with 1009 (9)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version })
    client.client.send(' '.repeat(100_000))
    expect((await client.client.closing()).code).toBe(1009)
  })

  test('refs come back as they were (25, trap 3)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version })
    expect((await client.request(null, 'x"y', 'phoenix', 'heartbeat', {}))[1]).toBe('x"y')
    expect((await client.request(null, 7, 'phoenix', 'heartbeat', {}))[1]).toBe(7)
    expect((await client.request(null, null, 'phoenix', 'heartbeat', {}))[1]).toBe(null)
  })

  const heartbeat = (ref: string): string =>
    version === 2
      ? `[null,${ref},"phoenix","heartbeat",{}]`
      : `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":${ref}}`

  test.each(['1e400', '12345678901234567890', '1.0', '-0'])(
    'a ref of %s comes back as it was written',
    async (ref) => {
      await using server = await start()
      await using client = await connectPhoenix(server, { version })
      client.client.send(heartbeat(ref))
      expect(await client.client.next()).toContain(version === 2 ? `,${ref},` : `"ref":${ref}}`)
    },
  )

  test.each(['true', '{}', `1${'0'.repeat(255)}`])('a ref of %s is none', async (ref) => {
    await using server = await start()
    await using client = await connectPhoenix(server, { version })
    client.client.send(heartbeat(ref))
    expect((await client.client.closing()).code).toBe(1011)
  })
})
