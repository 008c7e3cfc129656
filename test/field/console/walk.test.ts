/** The whole way of somebody who has never seen the console, from the sign-in on, with stock clients beside it. */
import { expect, test } from 'bun:test'
import { signText } from '../../../src/pages/signature'
import { passTime, Receiver, startWithWebhooks } from '../../webhooks/receiver'
import { describePages } from '../browser'
import { visitConsole } from './visit'

/** How often the server's clock moves on by a tenth of a second. */
const TICK_MS = 20

describePages('the console, from the first look on', (browser) => {
  test('an app is made, a client connects, events arrive, a refusal is explained, a webhook is replayed, a user is ended', async () => {
    await using server = await startWithWebhooks([])
    const ticks = setInterval(() => server.advance(100), TICK_MS)
    using _ = { [Symbol.dispose]: () => clearInterval(ticks) }
    await using visit = await visitConsole(browser, server, { isSignedOut: true })
    const { page } = visit

    const goTo = (name: string) =>
      page.getByRole('navigation').getByRole('link', { name, exact: true }).click()

    // Signs in.
    await visit.open('')
    const { username, password } = server.server.credentials.admin
    await page.getByLabel('User').fill(username)
    await page.getByLabel('Password or token').fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()

    // Makes an app; its name is enough.
    await goTo('Apps')
    await page.getByRole('button', { name: 'New app' }).first().click()
    await page.getByLabel('Name').fill('First steps')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'Connect' }).waitFor()
    await page.locator('.loading').waitFor({ state: 'detached' })
    const [old] = server.core.apps.bySlug('first-steps')!.record.keys
    await page.getByText(old!.key).first().waitFor()

    // A stock client with its key connects; an event from the creator arrives there and in the listener.
    await using client = server.pusher({ key: old!.key })
    await client.subscribe('my-channel')
    await goTo('Event creator')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText('arrived in').waitFor()
    const hello = { channel: 'my-channel', event: 'my-event', data: { hello: 'world' } }
    expect(await client.nextEvent()).toEqual(hello)

    // Live shows the next one, sent from another tab.
    await goTo('Live')
    await page.locator('.live-status').getByText('Live', { exact: true }).waitFor()
    const rows = page.locator('.live-list .filler > .row')
    const sdk = (pair: { readonly key: string; readonly secret: string }) =>
      server.sdk({ appId: server.core.apps.bySlug('first-steps')!.id, ...pair })
    await sdk(old!).trigger('my-channel', 'seen-live', {})
    await rows.filter({ hasText: 'seen-live' }).waitFor()
    expect(await client.nextEvent()).toMatchObject({ event: 'seen-live' })

    // Keys are rotated: both pairs work, then the new one alone.
    await goTo('Keys')
    await page.getByRole('button', { name: 'Add a pair' }).click()
    await page.getByRole('heading', { name: 'New pair' }).waitFor()
    const [, fresh] = server.core.apps.bySlug('first-steps')!.record.keys
    await sdk(old!).trigger('my-channel', 'by-the-old-pair', {})
    await sdk(fresh!).trigger('my-channel', 'by-the-new-pair', {})
    const section = page.getByRole('region', { name: `Pair ${old!.key}` })
    await section.getByRole('button', { name: 'Retire' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Retire' }).click()
    await page.getByRole('heading', { name: 'New pair' }).waitFor({ state: 'detached' })
    expect(await refusalOf(sdk(old!).trigger('my-channel', 'refused', {}))).toBe(401)
    expect(await client.nextEvent()).toMatchObject({ event: 'by-the-old-pair' })
    expect(await client.nextEvent()).toMatchObject({ event: 'by-the-new-pair' })

    // A wrong signature is explained, with the text that should have been signed.
    await goTo('Live')
    await page.locator('.live-status').getByText('Live', { exact: true }).waitFor()
    const wrong = { key: fresh!.key, secret: old!.secret }
    expect(await refusalOf(sdk(wrong).trigger('my-channel', 'refused', {}))).toBe(401)
    await rows
      .filter({ hasText: 'request_unauthorized' })
      .or(rows.filter({ hasText: 'Refused' }))
      .first()
      .click()
    const why = page.locator('.live-detail .why')
    await why.waitFor()
    expect(await why.locator('pre').first().innerText()).toStartWith('POST\n/apps/')

    // What an endpoint has not accepted for so long that it was given up is sent again.
    await using receiver = new Receiver()
    receiver.answer = () => 500
    const webhooks = [{ url: receiver.url, event_types: ['channel_occupied'] }]
    const answer = await server.admin('/api/admin/apps/first-steps', {
      method: 'PATCH',
      body: JSON.stringify({ app: { webhooks } }),
    })
    expect(answer.status).toBe(200)
    await client.subscribe('another-channel')
    await receiver.requests.next()
    await passTime(server, 900_000, 5000)
    await receiver.requests.take(receiver.requests.unread.length)
    receiver.answer = () => 200
    await goTo('Webhooks')
    await page.locator('summary', { hasText: 'Dead: 1 event' }).click()
    await page.getByRole('button', { name: 'Replay all 1' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Replay all' }).click()
    expect(await receiver.events(sdk(fresh!))).toEqual(['channel_occupied another-channel'])

    // A user is ended on all connections.
    await using ada = await server.raw({ path: `/app/${fresh!.key}` })
    const userData = '{"id":"ada"}'
    const signature = signText(`${ada.socketId}::user::${userData}`, fresh!.secret)
    const auth = `${fresh!.key}:${signature}`
    ada.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
    expect(await ada.nextJson()).toMatchObject({ event: 'pusher:signin_success' })
    await goTo('Channels & people')
    await page.getByRole('link', { name: 'Signed-in users' }).click()
    await page.getByRole('link', { name: 'ada', exact: true }).click()
    await page.getByRole('button', { name: 'End this user' }).click()
    await page.getByRole('button', { name: 'End them all' }).click()
    expect((await ada.closing()).code).toBe(4009)

    expect(visit.problems).toEqual([])
    expect([...visit.hosts]).toEqual([`127.0.0.1:${server.port}`])
  })
})

/** The status by which the SDK's request was refused. */
const refusalOf = (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    () => undefined,
    (error: { readonly status?: number }) => error.status,
  )
