/** `carillon stats`. */
import { expect, test } from 'bun:test'
import { start } from '../harness'
import { rowsOf, runOn } from './run'

/** Times differ from run to run, and what is measured. */
const withoutTimes = (text: string): string =>
  text
    .replace(/(since +).*/, '$1START')
    .replace(/(bytes sent +).*/, '$1BYTES')
    .replaceAll(/within (?:[\d.]+ (?:ms|s)|more)/g, 'within X')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, '2026-11-28T12:00:00Z')

test('what there is, how fast, how late, what was refused and what waits', async () => {
  await using server = await start({ now: Date.parse('2026-11-28T12:00:00Z') })
  server.addTenant()
  await using alice = await server.raw()
  await alice.subscribed('room')
  await server.signedIn(alice, 'presence-room', { user_id: '1' })
  for (let i = 0; i < 5; i++) await server.trigger({ channel: 'room', name: 'e', data: '1' })
  await server.http('/api/admin/apps', { headers: { authorization: `Basic ${btoa('a:b')}` } })
  server.advance(10_000)

  const summary = await runOn(server, 'stats', { isTerminal: true })
  expect(summary.out.split('\n').every((line) => line.length <= 80)).toBe(true)
  expect(withoutTimes(summary.out)).toMatchInlineSnapshot(`
    "since        START
    connections  1, 1 at the most
    channels     2, 2 subscriptions, 1 members
    users        0 signed in
    webhooks     0 waiting, 0 failing, 0 given up
    rates        of the last hour, in steps of 10 s
    events       0.5/s, 0.5/s at the most
    deliveries   0.5/s, 0.5/s at the most
    connects     0.1/s, 0.1/s at the most
    refusals     0.1/s, 0.1/s at the most
    bytes sent   BYTES
    delivery     half within X, 99 % within X
    loop lag     half within X, 99 % within X
    refused      login_failed 1

    APP       CONNECTIONS  PEAK  CHANNELS  EVENTS  DELIVERIES  REFUSED  WAITING
    test-app            1     1         2       5           5        0        0
    other               0     0         0       0           0        0        0
    "
  `)
  const lines = Object.fromEntries(rowsOf(await runOn(server, 'stats')))
  expect(lines).toMatchObject({
    'now.connections': '1',
    'totals.refusals_by_code.login_failed': '1',
    'apps.test-app.totals.deliveries': '5',
    'apps.other.now.connections': '0',
  })
  const own = await runOn(server, 'stats --app other', { isTerminal: true })
  expect(own.out).toContain('connections  0, 0 at the most\n')
  expect(own.out).not.toContain('APP')

  const series = await runOn(server, 'stats --series', { isTerminal: true })
  expect(withoutTimes(series.out)).toMatchInlineSnapshot(`
    "TIME                  CONNECTIONS  EVENTS  OF CLIENTS  DELIVERIES  REFUSALS
    2026-11-28T12:00:00Z            1       5           0           5         1
    "
  `)
  expect(rowsOf(await runOn(server, 'stats --series --app test-app'))[0]!.slice(1, 5)).toEqual([
    '1',
    '5',
    '0',
    '5',
  ])
  const [point] = JSON.parse((await runOn(server, 'stats --series --json')).out)
  expect(point).toMatchObject({ connections: 1, subscriptions: 2 })
  expect(JSON.parse((await runOn(server, 'stats --json --period day')).out).series.period).toBe(
    'day',
  )
  expect((await runOn(server, 'stats --period month')).code).toBe(2)
  expect((await runOn(server, 'stats --app nobody')).code).toBe(5)
})
