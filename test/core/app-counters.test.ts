/** Counters by app: each event is counted once, by its app; a total is the process's numbers and those of all apps. */
import { describe, expect, test } from 'bun:test'
import { COUNTERS } from '../../src/core/counters'
import { connectPhoenix } from '../phoenix'
import { publish } from '../publish'
import { start, type RawClient, type TestServer } from '../harness'

const OTHER = '/app/k?protocol=7&client=test&version=1'

/** Two events, each on two channels, as a backend of the app triggers them. */
function publishFour({ core }: TestServer, id: string): void {
  const event = { name: 'e', data: '', channels: ['a', 'b'], socketId: undefined }
  publish(core, core.apps.byId(id)!, [event, event])
}

async function expectRefused(client: RawClient): Promise<void> {
  client.send({ event: 'client-a', channel: 'private-room', data: {} })
  await client.next('a refusal')
}

describe('what happens to a tenant', () => {
  test('is counted by its app, once', async () => {
    await using server = await start()
    const [first, second] = [server.core.apps.byId('1')!, server.addTenant()]
    await using one = await server.raw()
    await using two = await server.raw({ path: OTHER })
    await server.signedIn(one, 'private-room')
    one.send({ event: 'client-a', channel: 'private-room', data: {} })
    await expectRefused(two)
    publishFour(server, '8')
    await one.expectNothing()
    const none = { connectionsAccepted: 0, messagesReceived: 0, messagesRefused: 0 }
    const own = { connectionsAccepted: 1, messagesReceived: 3, clientEvents: 1, publications: 0 }
    expect(first.counters).toMatchObject({ ...own, messagesRefused: 0 })
    const others = { connectionsAccepted: 1, messagesReceived: 1, clientEvents: 0, publications: 4 }
    expect(second.counters).toMatchObject({ ...others, messagesRefused: 1 })
    expect(server.core.counters).toMatchObject({ ...none, clientEvents: 0, publications: 0 })
    expect(server.totals).toMatchObject({
      connectionsAccepted: 2,
      messagesReceived: 4,
      messagesRefused: 1,
      clientEvents: 1,
      publications: 4,
    })
  })

  test('is counted by the process where no app is named', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    await client.expectNothing()
    const { apps, counters } = server.core
    expect(counters).toMatchObject({ connectionsAccepted: 1, messagesReceived: 1 })
    expect(apps.byId('1')!.counters.messagesReceived).toBe(0)
    expect(server.totals).toEqual(counters)
  })

  test('is still counted when its app has changed', async () => {
    await using server = await start()
    const app = server.core.apps.byId('1')!
    const { counters, gauges } = app
    publishFour(server, '1')
    server.core.apps.change(app, { ...app.record, name: 'renamed' }, 0)
    publishFour(server, '1')
    expect(app.counters).toBe(counters)
    expect(app.gauges).toBe(gauges)
    expect(counters.publications).toBe(8)
  })
})

describe('when an app ends', () => {
  test('the process takes over its numbers, and what its connections still cause', async () => {
    await using server = await start()
    const app = server.addTenant()
    await using client = await server.raw({ path: OTHER })
    await expectRefused(client)
    publishFour(server, '8')
    const { counters } = app
    const before = server.totals
    server.core.apps.remove(app, 0)
    expect(server.totals).toEqual(before)
    expect(server.core.counters).toMatchObject({ connectionsAccepted: 1, publications: 4 })
    await expectRefused(client)
    expect(counters.messagesRefused).toBe(1)
    expect(server.core.counters.messagesRefused).toBe(2)
    const twice = {
      messagesRefused: 2,
      messagesReceived: 2,
      bytesReceived: 2 * before.bytesReceived,
    }
    const sent = { messagesSent: before.messagesSent + 1, bytesSent: server.totals.bytesSent }
    expect(server.totals).toEqual({ ...before, ...twice, ...sent })
    expect(sent.bytesSent).toBeGreaterThan(before.bytesSent)
  })

  test('one with the same id begins at nothing', async () => {
    await using server = await start()
    const app = server.addTenant()
    publishFour(server, '8')
    server.core.apps.remove(app, 0)
    const next = server.addTenant()
    publishFour(server, '8')
    expect(next.counters.publications).toBe(4)
    expect(app.counters).toBe(server.core.counters)
    expect(server.totals.publications).toBe(8)
  })
})

test('an app has a number for each counter that is kept by app, from the start and in one order', async () => {
  await using server = await start()
  const names = Object.entries(COUNTERS).flatMap(([name, row]) => (row.byApp ? [name] : []))
  const numbers = Object.fromEntries(names.map((name) => [name, 0]))
  expect(Object.entries(server.addTenant().counters)).toEqual(Object.entries(numbers))
  expect(Object.keys(server.core.counters)).toEqual(Object.keys(COUNTERS))
})
