/** Channels and people: who is where, what is kept, and the end of a connection and of a user. */
import { expect, test } from 'bun:test'
import { start } from '../../harness'
import { connectSignedIn } from '../../protocols/signed-in'
import { makeToken } from '../../tokens'
import { describePages } from '../browser'
import { visitConsole } from './visit'

/** How often the server's clock moves on by a tenth of a second. */
const TICK_MS = 20

const beginTime = (server: { advance(ms: number): void }): Disposable => {
  const ticks = setInterval(() => server.advance(100), TICK_MS)
  return { [Symbol.dispose]: () => clearInterval(ticks) }
}

describePages('channels and people', (browser) => {
  test('a channel is found; members come and go; what is kept opens, and has a link', async () => {
    await using server = await start()
    using _ = beginTime(server)
    const rule = { size: 100, ttl_seconds: 3600, durable: false, rewind: 0 }
    await server.change({ history: [{ prefix: 'presence-', ...rule }] })
    await using ada = await server.raw()
    await server.signedIn(ada, 'presence-lobby', { user_id: 'ada', user_info: { is: 'first' } })
    for (let n = 0; n < 600; n++) await ada.subscribed(`room-${String(n).padStart(3, '0')}`)
    for (const name of ['one', 'two', 'three'])
      await server.trigger({ channel: 'presence-lobby', name, data: `{"is":"${name}"}` })
    await using visit = await visitConsole(browser, server)
    const { page } = visit
    const rows = page.locator('.rows .filler > .row')

    // Two pages of them, by keyboard.
    await visit.open('apps/test-app/people')
    const list = page.getByRole('rowgroup', { name: 'Occupied channels' })
    await list.focus()
    await page.keyboard.press('End')
    await page.getByText('601 channels, as they were at').waitFor()
    await page.keyboard.press('End')
    await rows.filter({ hasText: 'room-599' }).waitFor()

    await page.getByLabel('Channels that begin with').fill('presence-')
    await rows.nth(1).waitFor({ state: 'detached' })
    expect(await rows.allInnerTexts()).toEqual([
      expect.stringMatching(/^presence-lobby\s.*1\s+1$/s),
    ])
    expect(page.url()).toContain('prefix=presence-')
    await list.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'presence-lobby' }).waitFor()

    const members = page.getByRole('region', { name: 'Members' })
    await members.getByText('{"is":"first"}').waitFor()
    await page.locator('.live-status').getByText('Live', { exact: true }).waitFor()
    const bob = await server.raw()
    await server.signedIn(bob, 'presence-lobby', { user_id: 'bob' })
    await members.getByText('bob').waitFor()
    await bob[Symbol.asyncDispose]()
    await members.getByText('bob').waitFor({ state: 'detached' })

    const history = page.getByRole('region', { name: 'History' })
    await history.getByRole('button', { name: 'two' }).click()
    expect(await history.locator('pre').innerText()).toBe('{\n  "is": "two"\n}')
    await history.getByRole('link', { name: 'Link to this position' }).click()
    await history.getByRole('button', { name: 'three' }).waitFor({ state: 'detached' })
    expect(page.url()).toMatch(/\?at=\w+%3A2$/)
    expect(await history.locator('li').first().getAttribute('class')).toBe('is-sought')
    await history.getByRole('link', { name: 'the newest' }).click()
    await history.getByRole('button', { name: 'three' }).waitFor()
    expect(visit.problems).toEqual([])
  })

  test('a connection is told to come back, and does; a user is ended, and stays away', async () => {
    await using server = await start()
    using _ = beginTime(server)
    await using client = server.pusher()
    await client.subscribe('my-room')
    await using ada = await connectSignedIn(server, '{"id":"ada","user_info":{"name":"Ada"}}')
    await using visit = await visitConsole(browser, server)
    const { page } = visit

    const before = client.socketId
    await visit.open('apps/test-app/people/connections?channel=my-room')
    await page.getByRole('link', { name: before }).click()
    await page.getByText('pusher-js 8').waitFor()
    await page.getByRole('link', { name: 'my-room' }).waitFor()
    await page.getByRole('button', { name: 'End the connection' }).click()
    await page.getByLabel('comes back at once').check()
    await page.getByRole('button', { name: 'End it' }).click()
    await page.getByText('This connection is not there').waitFor()
    while (client.socketId === before) await client.state('connected')
    await page.getByRole('link', { name: 'Show who is connected' }).click()
    await page.getByRole('link', { name: client.socketId }).waitFor()

    await page.getByRole('link', { name: 'Signed-in users' }).click()
    await page.getByText('1 user of this process').waitFor()
    await page.getByRole('link', { name: 'ada', exact: true }).click()
    await page.getByRole('button', { name: 'End this user' }).click()
    await page.getByRole('button', { name: 'End them all' }).click()
    expect((await ada.closing()).code).toBe(4009)
    await page.getByText('Nobody is connected so').waitFor()
    expect(visit.problems).toEqual([])
  })

  test('whoever only reads is shown no way to end anything', async () => {
    await using server = await start()
    await using ada = await connectSignedIn(server, '{"id":"ada"}')
    const { token } = await makeToken(server, { name: 'reader', scope: 'read' })
    await using visit = await visitConsole(browser, server, { token })
    const { page } = visit
    const ends = page.getByRole('button', { name: /^End/ })
    await visit.open(`apps/test-app/people/connections/${ada.socketId}`)
    await page.getByText('Connected since').waitFor()
    expect(await ends.count()).toBe(0)
    await visit.open('apps/test-app/people/connections?user=ada')
    await page.getByRole('link', { name: ada.socketId }).waitFor()
    expect(await ends.count()).toBe(0)
    for (const place of ['people', 'people/channels/presence-lobby', 'people/users'])
      await visit.open(`apps/test-app/${place}`)
    expect(visit.refused).toEqual([])
  })
})
