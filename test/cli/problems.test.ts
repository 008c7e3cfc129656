/** `carillon problems`. */
import { expect, test } from 'bun:test'
import { start } from '../harness'
import { rowsOf, runOn } from './run'

test('what is wrong, and what to do; exits with 1 where it is critical', async () => {
  await using server = await start({
    config: { maxConnections: 1 },
    limits: { maxConnectionsPerApp: 1 },
  })
  const calm = await runOn(server, 'problems')
  expect([calm.code, rowsOf(calm).map(([state, check]) => [state, check])]).toEqual([
    0,
    [
      ['ok', 'server'],
      ['ok', 'server'],
    ],
  ])
  await using client = await server.raw()
  expect(client.socketId).toBeString()
  const grave = await runOn(server, 'problems')
  const rows = rowsOf(grave)
  expect([grave.code, rows[0]!.slice(0, 2), rows[1]!.slice(0, 2)]).toEqual([
    1,
    ['fail', 'server'],
    ['warn', 'app'],
  ])
  expect(rows[0]![2]).toStartWith('1 connection is open, of 1 that may be. Raise CARILLON_')
  expect(rows[1]![2]).toStartWith('test-app: 1 connection is open')
  const codes = JSON.parse((await runOn(server, 'problems --json')).out) as { code: string }[]
  expect(codes.map(({ code }) => code).slice(0, 2)).toEqual(['connections_full', 'app_nearly_full'])
  const block = await runOn(server, 'problems', { isTerminal: true })
  expect(block.out.split('\n').every((line) => line.length <= 80)).toBe(true)
})
