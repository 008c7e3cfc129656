/** `carillon webhooks`. */
import { expect, test } from 'bun:test'
import { start } from '../harness'
import { rowsOf, runOn } from './run'

test('what waits and what was given up is shown, and sent again', async () => {
  await using refusing = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response('', { status: 500 }),
  })
  await using server = await start()
  const none = await runOn(server, 'webhooks pending', { isTerminal: true })
  expect(none.out).toBe('the app has no webhooks\n')
  const url = `http://user:pass-1@127.0.0.1:${refusing.port}/`
  await server.change({ webhooks: [{ url }] })
  await using alice = await server.raw()
  await alice.subscribed('room')
  let pending: string[] = []
  while (!pending.at(-1)?.includes('500')) {
    server.advance(100)
    pending = rowsOf(await runOn(server, 'webhooks pending'))[0]!
  }
  const shown = `http://***@127.0.0.1:${refusing.port}/`
  expect(pending.slice(0, 4)).toEqual([shown, 'failing', '1', '1'])
  let dead: string[][] = []
  while (dead[0]?.length !== 7) {
    server.advance(30_000)
    dead = rowsOf(await runOn(server, 'webhooks dead'))
  }
  expect(dead[0]!.slice(1, 4)).toEqual([shown, 'channel_occupied', 'room'])
  expect(JSON.parse((await runOn(server, 'webhooks dead --json')).out)).toHaveLength(1)
  const table = await runOn(server, 'webhooks dead', { isTerminal: true })
  expect(table.out.split('\n').every((line) => line.length <= 80)).toBe(true)
  expect((await runOn(server, 'webhooks replay')).out).toBe('1\n')
  expect((await runOn(server, 'webhooks replay --json')).out).toBe('{"replayed":0}\n')
  expect((await runOn(server, 'webhooks dead', { isTerminal: true })).out).toBe(
    'no event was given up\n',
  )
})
