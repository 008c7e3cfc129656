/** The page Webhooks: how endpoints are, what they were sent; they are tested, paused and resumed; dead events replayed. */
import { expect, test } from 'bun:test'
import type { TestServer } from '../../harness'
import { makeToken } from '../../tokens'
import {
  occupy,
  passTime,
  Receiver,
  startWithWebhooks,
  waitUntilSettled,
} from '../../webhooks/receiver'
import { describePages } from '../browser'
import { evil } from './hostile'
import { PHONE, visitConsole } from './visit'

const PLACE = 'apps/test-app/webhooks'
const FIVE_MINUTES_MS = 300_000

/** Events that an endpoint has refused for so long that they were given up. */
async function giveUp(server: TestServer, count: number): Promise<void> {
  const before = server.totals.webhookEventsDead
  occupy(server, ...Array.from({ length: count }, (_, n) => `room-${n}`))
  do await passTime(server, FIVE_MINUTES_MS, 5000)
  while (server.totals.webhookEventsDead < before + count)
}

describePages('the page Webhooks', (browser) => {
  test('shows what an endpoint was sent and has answered; it is tested, paused and resumed', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => new Response(evil('answer'), { status: 503 })
    const headers = { 'x-token': 'secret-1' }
    await using server = await startWithWebhooks([{ url: receiver.url, headers }])
    await using visit = await visitConsole(browser, server)
    const { page } = visit
    await visit.open(PLACE)
    const card = page.locator('.endpoint')
    await card.getByText('Nothing was sent yet').waitFor()
    occupy(server, 'my-room')
    const { body } = await receiver.next(server.sdk())
    await card.getByText('Failing', { exact: true }).waitFor() // by itself
    await card.getByText('It has failed itself: its own log says why.').waitFor()

    await card.getByText('Last request', { exact: true }).last().click()
    const request = card.locator('.requests li').first()
    await request.locator('summary').first().click()
    const shown = request.locator('pre')
    expect(await shown.allTextContents()).toEqual([
      JSON.stringify(JSON.parse(body), null, 2),
      evil('answer'),
    ])
    await request.getByRole('button', { name: 'As it was signed', exact: true }).click()
    expect(await shown.first().textContent()).toBe(body)
    await request.getByText('Headers').click()
    const sent = await request.locator('dl').innerText()
    expect(sent).toMatch(/X-Pusher-Signature\s+[\da-f]{64}/)
    expect(sent).not.toContain('secret-1')

    receiver.answer = () => new Response('thank you')
    await card.getByRole('button', { name: 'Send a test event' }).click()
    const tested = page.getByRole('region', { name: 'The test event' })
    await tested.getByText('200', { exact: true }).waitFor()
    await tested.getByText('thank you').waitFor()
    expect(await receiver.events(server.sdk())).toContain('channel_occupied carillon-test')
    await tested.getByRole('button', { name: 'Close the test event' }).click()

    await card.getByRole('button', { name: 'Pause' }).click()
    await card.getByText('Paused', { exact: true }).waitFor()
    occupy(server, 'another')
    await card.getByText('2 events').waitFor()
    await page.reload() // the server has it
    await card.getByRole('button', { name: 'Resume' }).click()
    await card.getByRole('button', { name: 'Pause' }).waitFor()
    await waitUntilSettled(server)
    await card.getByText('Fine', { exact: true }).waitFor()
    expect(visit.problems).toEqual([])
    expect(visit.refused).toEqual([])
  })

  test('dead events are chosen from pages, on a phone and by keyboard, or replayed all', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 410
    await using server = await startWithWebhooks([{ url: receiver.url }])
    await giveUp(server, 60)
    await receiver.requests.take(receiver.requests.unread.length)
    receiver.answer = () => 200
    await using visit = await visitConsole(browser, server, { viewport: PHONE })
    const { page } = visit
    await visit.open(PLACE)
    await page.getByText('60 events dead').waitFor()
    await page.locator('summary', { hasText: 'Dead: 60 events' }).focus()
    await page.keyboard.press('Enter')
    const letters = page.locator('.dead .requests li')
    await letters.nth(49).waitFor()
    await page.getByRole('button', { name: 'Older' }).click()
    await page.getByText('room-0', { exact: true }).waitFor()
    expect(await letters.count()).toBe(10)
    const oldest = letters.last()
    await oldest.locator('summary').click()
    await oldest.getByText('Nothing takes POST requests at this path: check the URL.').waitFor()
    await oldest.getByRole('checkbox').press('Space')
    await page.getByRole('button', { name: 'Replay 1', exact: true }).press('Enter')
    await page.getByText('59 events dead').waitFor()
    await passTime(server, 60_000, 5000)
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied room-0'])

    await page.getByLabel('All on this page').check()
    await page.getByRole('button', { name: 'Replay 50' }).waitFor()
    await page.getByRole('button', { name: 'Replay all 59' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Replay all' }).click()
    await page.getByText('59 events dead').waitFor({ state: 'detached' })
    await passTime(server, 10_000, 1000)
    expect(new Set(await receiver.events(server.sdk(), 59)).size).toBe(59)
    expect(visit.problems).toEqual([])
  })

  test('whoever only reads changes nothing; an app without endpoints says how to add one', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    await using server = await startWithWebhooks([{ url: `${receiver.url}?key=secret-1` }])
    await giveUp(server, 1)
    const { token } = await makeToken(server, { name: 'reader', scope: 'read' })
    await using visit = await visitConsole(browser, server, { token })
    const { page } = visit
    await visit.open(PLACE)
    await page.getByRole('heading', { name: `${receiver.url}?key=***` }).waitFor()
    await page.getByText('Dead: 1 event').click()
    await page.getByText('room-0', { exact: true }).waitFor()
    expect(await page.locator('main').getByRole('button').count()).toBe(0)
    expect(await page.getByRole('checkbox').count()).toBe(0)
    await server.change({ webhooks: [] })
    await page.getByText('The app has no endpoints').waitFor()
    expect(await page.getByRole('link', { name: 'Add one in the settings' }).count()).toBe(0)
    expect(visit.problems).toEqual([])

    await using admin = await visitConsole(browser, server)
    await admin.open(PLACE)
    await admin.page.getByRole('link', { name: 'Add one in the settings' }).click()
    await admin.page.getByRole('heading', { name: 'Settings' }).waitFor()
  })
})
