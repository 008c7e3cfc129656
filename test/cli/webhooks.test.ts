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
  while (!pending[6]?.includes('500')) {
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
  const id = dead[0]![0]!
  expect(await runOn(server, `webhooks replay ${id}x`)).toMatchObject({ code: 2 })
  expect((await runOn(server, `webhooks replay ${id} 999`)).out).toBe('1\n')
  expect((await runOn(server, `webhooks replay ${id}`)).out).toBe('0\n')
  expect((await runOn(server, 'webhooks replay')).out).toBe('0\n')
  expect((await runOn(server, 'webhooks replay --json')).out).toBe('{"replayed":0}\n')
  expect((await runOn(server, 'webhooks dead', { isTerminal: true })).out).toBe(
    'no event was given up\n',
  )
})

test('an endpoint is tested, paused and resumed, by its url or id', async () => {
  let status = 200
  await using receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response('well done', { status }),
  })
  await using server = await start()
  const url = `http://user:pass-1@127.0.0.1:${receiver.port}/`
  const shown = url.replace('user:pass-1', '***')
  await server.change({ webhooks: [{ url }] })
  const id = rowsOf(await runOn(server, 'webhooks pending'))[0]!.at(-1)!
  const tested = await runOn(server, `webhooks test ${id}`)
  expect([tested.code, tested.out]).toEqual([
    0,
    expect.stringMatching(/^status\t200\nerror\t\nduration\t\d+ ms\nanswer\twell done\n$/),
  ])
  status = 503
  const refused = await runOn(server, `webhooks test ${shown} --json`)
  expect([refused.code, JSON.parse(refused.out)]).toEqual([
    1,
    expect.objectContaining({ status: 503, error: 'answered 503' }),
  ])
  const stateOf = async () => rowsOf(await runOn(server, 'webhooks pending'))[0]![1]
  const say = { isTerminal: true }
  expect((await runOn(server, `webhooks pause ${shown}`, say)).out).toBe(`${shown} is paused\n`)
  expect(await stateOf()).toBe('paused')
  const resumed = await runOn(server, `webhooks resume ${id} --json`)
  expect(JSON.parse(resumed.out)).toEqual({ id, endpoint: shown, paused_at: null })
  expect(await stateOf()).toBe('ok')
  expect(await runOn(server, 'webhooks pause nobody')).toMatchObject({
    code: 5,
    err: expect.stringContaining('the endpoint nobody'),
  })
})
