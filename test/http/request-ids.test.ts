/** Request ids: on every answer, the caller’s own where it is fit. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe('request ids', () => {
  test('are on every answer; the caller’s own is kept where it is fit', async () => {
    await using server = await start()
    for (const path of [
      '/',
      '/up',
      '/nonsense',
      '/apps/1/channels',
      '/api/admin/apps',
      '/swagger/json',
      '/swagger',
      '/console',
      '/swagger/nonsense',
    ])
      expect((await server.http(path)).headers.get('x-request-id')).toMatch(UUID)
    const upgrade = { upgrade: 'websocket' } // and nothing else of a handshake
    const refused = await server.http('/app/test-app-fake-key', { headers: upgrade })
    expect(refused.status).toBe(400)
    expect(await refused.text()).toStartWith('Expected a WebSocket handshake: ')
    expect(refused.headers.get('x-request-id')).toMatch(UUID)
    const mine = 'my-request-id-of-20-ch'
    expect(
      (await server.http('/up', { headers: { 'x-request-id': mine } })).headers.get('x-request-id'),
    ).toBe(mine)
    for (const unfit of ['short', 'x'.repeat(201)])
      expect(
        (await server.http('/up', { headers: { 'x-request-id': unfit } })).headers.get(
          'x-request-id',
        ),
      ).toMatch(UUID)
  })
})
