/** pusher-js as it was, in a browser: what applications have kept for years works by every way in. */
import { expect, test } from 'bun:test'
import { start, waitUntil, type TestServer } from '../harness'
import { describePages, type Pages } from './browser'
import { visit, type Visit } from './page'

/** pusher-js by version: before `bind_global`, before the node build was the main one, before version 8. */
const LIBRARIES = {
  '3.2.4': require.resolve('pusher-js-3.2/dist/web/pusher.js'),
  '4.1.0': require.resolve('pusher-js-4.1/dist/web/pusher.js'),
  '7.0.6': require.resolve('pusher-js-7.0/dist/web/pusher.js'),
}
const VERSIONS = Object.entries(LIBRARIES)
const ROWS = VERSIONS.flatMap(([version, library]) =>
  ['ws', 'xhr_streaming', 'xhr_polling'].map((transport) => ({ version, library, transport })),
)

type Row = { readonly library: string; readonly transport: string }

/** `encrypted` is what `forceTLS` was; usage would be told to a public host. */
const optionsFor = (transport: string): object => ({
  enabledTransports: [transport],
  encrypted: false,
  disableStats: true,
})

/** Together shorter than what may lie between two polls. */
const TIMES = { activityTimeoutSeconds: 3, pongTimeoutSeconds: 1 }
const CHANNELS = ['room', 'private-room', 'presence-room']

const visitAs = (browser: Pages, server: TestServer, { library, transport }: Row): Promise<Visit> =>
  visit(browser, server, {
    library,
    options: optionsFor(transport),
    channels: CHANNELS,
    user: { user_id: 'ann', user_info: { name: 'Ann' } },
  })

/** The next events, by name; those of different channels have no order. */
const names = async (page: Visit, count: number): Promise<string[]> =>
  (await page.heard.take(count)).map(({ event }) => event).toSorted()

describePages('pusher-js of old in Chromium', (browser) => {
  test.each(ROWS)('$version over $transport', async (row) => {
    await using server = await start({ config: TIMES })
    await using page = await visitAs(browser, server, row)
    const subscribed = CHANNELS.map(() => 'pusher:subscription_succeeded')
    expect(await names(page, CHANNELS.length)).toEqual(subscribed)

    await expectInOrder(server, page, row)
    await expectGuest(server, page)
    await expectPing(server, page)
    const { connectionsAccepted, messagesRefused, silentClosed } = server.totals
    expect({ connectionsAccepted, messagesRefused, silentClosed }).toEqual({
      connectionsAccepted: 2, // the page, and the guest
      messagesRefused: 0,
      silentClosed: 0,
    })
    await page.page.evaluate('pusher.disconnect()')
    // Between two polls nobody is told, and the session has its ten seconds.
    await waitUntil('its session is over', () => {
      server.advance(1000)
      return server.connectionCount === 0
    })
  })

  test.each(VERSIONS)('%s: its own pings over ws are answered', async (_, library) => {
    await using server = await start({ config: { activityTimeoutSeconds: 1 } })
    await using page = await visitAs(browser, server, { library, transport: 'ws' })
    await names(page, CHANNELS.length)
    await page.page.evaluate(`pusher.connection.bind('message', tell)`)
    expect(await page.next()).toMatchObject({ event: 'pusher:pong' })
    expect(await page.next()).toMatchObject({ event: 'pusher:pong' })
    expect(server.totals.connectionsAccepted).toBe(1)
  })
})

async function expectInOrder(server: TestServer, page: Visit, { transport }: Row): Promise<void> {
  const sent = [0, 1, 2, 3, 4].map((n) => ({ n, text: 'Zoë 😀' }))
  for (const data of sent) await server.sdk().trigger('room', 'e', data)
  const heard = await page.heard.take(sent.length)
  expect(heard).toEqual(sent.map((data) => ({ transport, event: 'e', data })))
}

/** Somebody comes, both tell each other something, and he goes. */
async function expectGuest(server: TestServer, page: Visit): Promise<void> {
  const bob = await server.raw()
  await server.signedIn(bob, 'presence-room', { user_id: 'bob', user_info: { name: 'Bob' } })
  const member = { id: 'bob', info: { name: 'Bob' } }
  expect(await page.next()).toMatchObject({ event: 'pusher:member_added', data: member })
  const [channel, event] = ['presence-room', 'client-typing']
  bob.send({ event, channel, data: { n: 1 } })
  expect(await page.next()).toMatchObject({ event, data: { n: 1 } })
  await page.page.evaluate(`pusher.channel('${channel}').trigger('${event}', { n: 2 })`)
  expect(await bob.nextJson()).toEqual({ event, channel, data: { n: 2 }, user_id: 'ann' })
  await bob[Symbol.asyncDispose]()
  expect(await page.next()).toMatchObject({ event: 'pusher:member_removed', data: member })
}

/** A silent client is pinged, and stays. */
async function expectPing(server: TestServer, page: Visit): Promise<void> {
  const before = server.totals.messagesReceived
  server.advance(1000 * TIMES.activityTimeoutSeconds + 500)
  await server.waitForReceived(before + 1)
  server.advance(1000 * TIMES.pongTimeoutSeconds + 500)
  await server.sdk().trigger('room', 'still', { n: 1 })
  expect(await page.next()).toMatchObject({ event: 'still', data: { n: 1 } })
}
