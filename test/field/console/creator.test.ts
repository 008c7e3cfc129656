import { expect, test } from 'bun:test'
import { start, type TestServer } from '../../harness'
import { makeToken } from '../../tokens'
import { describePages } from '../browser'
import { findFlaws } from './axe'
import { evil } from './hostile'
import { PHONE, visitConsole, type ConsoleVisit } from './visit'

const PLACE = 'apps/test-app/creator'

describePages('the event creator', (browser) => {
  test('sends to a channel, to all but one, to a user, in a batch; each is seen to arrive', async () => {
    await using server = await start()
    await using other = server.pusher()
    for (const channel of ['my-channel', 'my-room', 'another']) await other.subscribe(channel)
    await using visit = await visitConsole(browser, server)
    const { page } = visit
    await visit.open(PLACE)

    await channelField(visit).fill('my-')
    await page.locator('datalist option').nth(1).waitFor({ state: 'attached' })
    const offered = page.locator('datalist option')
    expect(await offered.evaluateAll((all) => all.map(({ outerHTML }) => outerHTML))).toEqual([
      '<option value="my-channel">2 connected</option>',
      '<option value="my-room">1 connected</option>',
    ])
    await channelField(visit).fill('my-channel')

    await send(visit)
    await page.getByText('arrived in').waitFor()
    expect(await other.nextEvent()).toEqual({
      channel: 'my-channel',
      event: 'my-event',
      data: { hello: 'world' },
    })
    expect(await heard(visit)).toEqual(['my-event'])

    await page.getByRole('button', { name: 'The listener' }).click()
    await eventField(visit).fill('to-the-others')
    await send(visit)
    await page.getByText('not heard here').waitFor()
    expect(await other.nextEvent()).toMatchObject({ event: 'to-the-others' })

    await page.getByText('To a user', { exact: true }).click()
    await page.getByRole('textbox', { name: 'User' }).fill('u-1')
    await eventField(visit).fill('to-the-user')
    await send(visit)
    await page.getByText('arrived in').waitFor()
    expect(await heard(visit)).toEqual(['to-the-user', 'my-event'])

    await page.getByText('A batch', { exact: true }).click()
    await page.getByText('Add an event').click()
    await channelField(visit).last().fill('presence-room')
    await eventField(visit).last().fill('second')
    await send(visit)
    await page.getByText('arrived in').waitFor()
    expect((await heard(visit)).toSorted()).toEqual(
      ['my-event', 'second', 'to-the-user', 'to-the-user'].toSorted(),
    )
    expect(server.countsOf('presence-room').users).toBe(1)

    const others = Array.from({ length: 10 }, (_, n) => ({
      name: `burst-${n}`,
      channel: 'my-channel',
      data: '1',
    }))
    for (let left = 30; left > 0; left--) await server.sdk().triggerBatch(others)
    await page.getByText('The newest 200 of 304 events').waitFor()
    expect((await heard(visit)).slice(0, 2)).toEqual(['burst-9', 'burst-8'])
    await page.getByText('arrived in').waitFor() // it has, though it is not listed any more

    const data = JSON.stringify({ text: evil('data') })
    await server.trigger({ channel: 'my-channel', name: evil('event'), data })
    await page.getByText(evil('event')).click()
    await page.locator('.heard pre').getByText('<img').waitFor()
    expect(await page.locator('main img').count()).toBe(0)
    expect(await findFlaws(page)).toEqual([])

    await page.reload() // what was sent stays, and fills the form again
    await page.getByRole('button', { name: 'to-the-others on my-channel' }).click()
    expect(await eventField(visit).inputValue()).toBe('to-the-others')
    expect(visit.problems).toEqual([])
    expect(visit.refused).toEqual([])
    expect([...visit.hosts]).toEqual([`127.0.0.1:${server.port}`])
  })

  test('says where the JSON is wrong, and what the API refuses, on a phone, too', async () => {
    await using server = await start()
    await using visit = await visitConsole(browser, server, { viewport: PHONE })
    const { page } = visit
    await visit.open(
      `${PLACE}?channel=not%20a%20name&event=hi&data=${encodeURIComponent('{"a":1,\nb}')}`,
    )
    await page.getByText('Line 2, column 1: Expected a name in double quotes').waitFor()
    await page.getByRole('button', { name: 'Show the mistake' }).click()
    const selected = () => page.evaluate('String(getSelection())')
    expect(await selected()).toBe('b')
    await page.keyboard.press('Control+Enter') // nothing is sent
    await page.keyboard.type('"b":2')
    await page.getByRole('button', { name: 'Tidy' }).click()
    expect(await page.getByLabel('Data, as JSON').inputValue()).toBe('{\n  "a": 1,\n  "b": 2\n}')
    await page.getByLabel('Data, as JSON').press('Control+Enter')
    const refusal = page.locator('.result.error')
    await refusal.waitFor()
    expect(await refusal.innerText()).toMatch(/^400 .*not a name/)
    expect(visit.refused).toEqual(['POST /apps/1/events 400'])
    expect(visit.problems).toEqual([])
  })

  test('whoever only reads has nothing to send with, and hears public channels', async () => {
    await using server = await start()
    const { token } = await makeToken(server, { name: 'reader', scope: 'read' })
    await using visit = await visitConsole(browser, server, { token })
    const { page } = visit
    await visit.open(PLACE)
    await page.getByText('This token sends nothing').waitFor()
    expect(await page.getByRole('button', { name: 'Send' }).count()).toBe(0)
    const listen = page.getByLabel('Listen to another channel')
    await listen.fill('private-room')
    await listen.press('Enter')
    await page
      .getByText('Only who may see the secret of the app can sign for this channel')
      .waitFor()
    await page.getByText('Connected').waitFor()
    await server.trigger({ channel: 'my-channel', name: 'hello', data: '1' })
    await page.getByText('hello').waitFor()
    expect(visit.problems).toEqual([])
  })

  test('at an address for admins it connects where clients do, and sends by its own address', async () => {
    const adminListen = { host: '127.0.0.1', port: 0 }
    await using server = await start({ config: { adminListen, pathPrefix: '/realtime' } })
    await using visit = await visitConsole(browser, server)
    await visit.open(PLACE)
    await visit.page.getByText('Connected').waitFor()
    await send(visit)
    await visit.page.getByText('arrived in').waitFor()
    expect([...visit.hosts].toSorted()).toEqual(
      [`127.0.0.1:${server.port}`, adminHost(server)].toSorted(),
    )
    expect(visit.problems).toEqual([])
  })

  test('a server that clients cannot reach: it says where it has tried', async () => {
    const publicUrl = 'http://127.0.0.1:9/realtime'
    await using server = await start({ config: { publicUrl } })
    await using visit = await visitConsole(browser, server)
    await visit.open(PLACE)
    await visit.page.getByText('It tried ws://127.0.0.1:9/realtime').waitFor()
  })
})

async function send({ page }: ConsoleVisit): Promise<void> {
  await page.getByRole('button', { name: 'Send' }).click()
}

const channelField = ({ page }: ConsoleVisit) => page.getByRole('combobox', { name: 'Channel' })
const eventField = ({ page }: ConsoleVisit) =>
  page.getByRole('textbox', { name: 'Event', exact: true })

/** Names of the events that the listener shows, the newest first. */
const heard = ({ page }: ConsoleVisit): Promise<string[]> =>
  page.locator('.heard summary strong').allInnerTexts()

function adminHost({ server }: TestServer): string {
  const at = server.adminAddress
  return `127.0.0.1:${at && 'port' in at && at.port}`
}
