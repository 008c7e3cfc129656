/** `carillon connections`. */
import { expect, test } from 'bun:test'
import { start } from '../harness'
import { connectSignedIn } from '../protocols/signed-in'
import { rowsOf, runOn } from './run'

test('who is connected is listed, shown and ended', async () => {
  await using server = await start()
  const none = await runOn(server, 'connections list', { isTerminal: true })
  expect(none.out).toBe('nobody is connected\n')
  await using ada = await connectSignedIn(server, '{"id":"ada","user_info":{"n":1}}')
  await ada.subscribed('room')
  await using other = await server.raw()
  await using third = await server.raw()
  const all = rowsOf(await runOn(server, 'connections list'))
  expect(all.map(([id]) => id).toSorted()).toEqual(
    [ada, other, third].map(({ socketId }) => socketId).toSorted(),
  )
  expect(rowsOf(await runOn(server, 'connections list --count 2'))).toHaveLength(2)
  const own = all.filter(([id]) => id === ada.socketId)
  expect(own[0]!.slice(2)).toEqual(['127.0.0.1', 'test 1', 'ada', '1'])
  for (const filter of ['--user ada', '--channel room'])
    expect(rowsOf(await runOn(server, `connections list ${filter}`))).toEqual(own)

  const shown = rowsOf(await runOn(server, `connections show ${ada.socketId}`))
  expect(shown).toContainEqual(['info', '{"n":1}'])
  expect(shown).toContainEqual(['channels', 'room'])
  const json = JSON.parse((await runOn(server, `connections show ${ada.socketId} --json`)).out)
  expect(json).toMatchObject({ user_id: 'ada', channels: [{ name: 'room' }] })

  expect(await runOn(server, `connections end ${ada.socketId}`)).toMatchObject({ code: 0 })
  expect((await ada.closing()).code).toBe(4009)
  await runOn(server, `connections end ${other.socketId} --reconnect`)
  expect((await other.closing()).code).toBe(4200)
  const gone = await runOn(server, `connections show ${ada.socketId}`)
  expect(gone.code).not.toBe(0)
  expect(gone.err).toContain(`the connection ${ada.socketId}`)
})
