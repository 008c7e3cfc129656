/** The examples with pages, as their READMEs say, in one browser: laravel-echo and react; and pages that ask auth-server. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { findFreePort } from '../../../bench/lib/processes'
import { start, type TestServer } from '../../harness'
import { describePages, type Pages } from '../browser'
import { findFlaws } from '../console/axe'
import { execute, type LineReader } from '../commands'
import { Cable } from './cable'
import { openExample, type Example } from './example'
import { enter, openSite, statusOf } from './sites'

const PHONE = { width: 390, height: 844 }
const DARK_PHONE = { viewport: PHONE, colorScheme: 'dark' } as const
const HOSTILE = '<img src=x onerror="document.title=1">'

let server: TestServer
let cable: Cable
/** Where pages find the server. */
let cablePort: number

type Opened = { readonly page: Page; readonly problems: string[] }

/** Opens a page, and collects what breaks on it; a connection that is refused while there is no server is none. */
async function open(
  browser: Pages,
  url: string,
  options: NonNullable<Parameters<Pages['newPage']>[0]> = {},
): Promise<Opened> {
  const page = await browser.newPage(options)
  const problems: string[] = []
  page.on('pageerror', ({ message }) => problems.push(message))
  page.on('console', (line) => {
    if (line.type() === 'error' && !/WebSocket connection|Failed to load/.test(line.text()))
      problems.push(line.text())
  })
  await page.goto(url)
  return { page, problems }
}

/** The texts of a list, from the first. */
const textsOf = (page: Page, list: string): Promise<string[]> =>
  page.locator(`${list} > li`).allInnerTexts()

const widthOf = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth')

describePages('examples with pages', (browser) => {
  beforeAll(async () => {
    server = await start()
    cable = new Cable(server.port)
    cablePort = await cable.listen()
  })
  afterAll(async () => {
    cable[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  test('laravel-echo: events, notifications, who is here, whispers, and the way back', async () => {
    const port = findFreePort()
    using example: Example = openExample('laravel-echo', { 6001: cablePort, 8000: port })
    expect(
      example.blocks.filter(({ language }) => language === 'sh').map(({ code }) => code),
    ).toEqual(['npm install\n', 'node server.mjs\n'])
    await using site: LineReader = example.start('node server.mjs')
    const [line = ''] = await site.next()
    const url = line.replace('Open ', '')
    expect(url).toBe(`http://127.0.0.1:${port}/?as=1`)

    // Ann, alone.
    const { page: ann, problems } = await open(browser, url)
    await ann.getByText('Connected', { exact: true }).waitFor()
    await ann.locator('#here li').waitFor()
    expect(await textsOf(ann, '#here')).toEqual(['Ann you'])
    expect(await ann.getByText('Nothing has been shipped yet.').isVisible()).toBe(true)

    // Ben comes, as the link says; his phone is dark.
    const href = await ann.getByRole('link', { name: 'Open as Ben' }).getAttribute('href')
    const asBen = new URL(href!, url).href
    const { page: ben, problems: bensProblems } = await open(browser, asBen, DARK_PHONE)
    await ben.locator('#here li').nth(1).waitFor()
    await ann.locator('#here li').filter({ hasText: 'Ben' }).waitFor()

    // Ann ships: both see it, once; she alone is notified.
    await ann.getByLabel('Item').fill(HOSTILE)
    await ann.getByRole('button', { name: 'Ship it' }).click()
    await ann.locator('#notifications li').waitFor()
    for (const page of [ann, ben]) await page.getByText('order 1, by Ann').waitFor()
    expect(await textsOf(ann, '#notifications')).toEqual([`${HOSTILE} is on its way\norder 1`])
    for (const page of [ann, ben])
      expect(await textsOf(page, '#orders')).toEqual([`${HOSTILE}\norder 1, by Ann`])
    expect(await textsOf(ben, '#notifications')).toEqual([])

    // Ben types, and says it.
    await ben.getByLabel('Question').pressSequentially('Where?')
    await ann.getByText('Ben is typing …').waitFor()
    await ben.getByRole('button', { name: 'Whisper it' }).click()
    await ann.getByText('Where?').waitFor()
    expect(await textsOf(ann, '#whispers')).toEqual(['Where?\nBen'])
    expect(await ann.locator('#typing').innerText()).toBe('')
    for (const page of [ann, ben]) expect(await findFlaws(page)).toEqual([])
    expect(await widthOf(ben)).toBe(PHONE.width)

    // Both come back by themselves, and hear again.
    cable.pull()
    await ann.getByRole('button', { name: 'Ship it', disabled: true }).waitFor()
    cable.plugIn()
    await ann.locator('[data-state="connected"] #here li').nth(1).waitFor()
    await ben.locator('[data-state="connected"] #here li').nth(1).waitFor()
    await ben.getByLabel('Item').fill('A lamp')
    await ben.getByRole('button', { name: 'Ship it' }).click()
    await ann.getByText('order 2, by Ben').waitFor()

    await ben.close()
    await ann.locator('#here li').nth(1).waitFor({ state: 'detached' })
    expect(await textsOf(ann, '#here')).toEqual(['Ann you'])

    // Ann's notifications are not for Ben.
    const refused = await fetch(`http://127.0.0.1:${port}/broadcasting/auth`, {
      method: 'POST',
      headers: { authorization: 'Bearer 2' },
      body: new URLSearchParams({ socket_id: '1.2', channel_name: 'private-App.Models.User.1' }),
    })
    expect(refused.status).toBe(403)
    // What is no question breaks nothing; then the application is gone, and Ann is told.
    const ask = (body: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/broadcasting/auth`, {
        method: 'POST',
        headers: { authorization: 'Bearer 1', 'content-type': 'application/json' },
        body,
      })
    const room = '"channel_name":"presence-support.1"'
    for (const body of ['null', `{${room}}`, `{"socket_id":"1.2:x",${room}}`])
      expect((await ask(body)).status).toBe(403)
    expect(await statusOf(port, '//')).toBe('404')
    expect(await statusOf(port, '/../server.mjs')).toBe('404')
    expect([...problems, ...bensProblems]).toEqual([])
    await site[Symbol.asyncDispose]()
    await ann.getByLabel('Item').fill('A rug')
    await ann.getByRole('button', { name: 'Ship it' }).click()
    await ann.getByRole('alert').getByText('That was not shipped.').waitFor()
    expect(await ann.getByLabel('Item').inputValue()).toBe('A rug')
    expect(problems).toEqual([])
    await ann.close()
  })
  test('react: one subscription for many, strict mode, rooms, hostile members, and the way back', async () => {
    const port = findFreePort()
    using example: Example = openExample('react', {
      6001: cablePort,
      3000: port,
      'bun ./index': `${process.execPath} ./index`,
      'bun build': `${process.execPath} build`,
    })
    const commands = example.blocks.filter(({ language }) => language === 'sh')
    expect(commands.length).toBe(3)
    expect(commands[0]!.code).toBe('bun install\n')
    await putSnippet(example)
    await using site: LineReader = example.start('./index.html --port')
    while (!(await site.lines.next('the address')).includes(`http://localhost:${port}/`)) continue
    const url = `http://localhost:${port}/`

    // Ada, alone, with the component of the README beside the page.
    const { page: ada, problems } = await open(browser, `${url}?name=Ada#knock`)
    await ada.getByText('You are alone.').waitFor()
    expect(await textsOf(ada, '.people')).toEqual(['A\nAda you'])

    // Ben's phone is dark. In strict mode, with all that asks for the room, he goes in once.
    const ben = await browser.newPage(DARK_PHONE)
    const sent = listenToSubscriptions(ben)
    await ben.goto(`${url}?name=${encodeURIComponent(HOSTILE)}`)
    await ben.getByText('2 people').waitFor()
    await ada.getByText('2 people').waitFor()
    expect(sent).toEqual(['subscribe presence-kitchen'])

    // They type, and say something.
    await ben.getByLabel('Say something').pressSequentially('Hello')
    await ada.locator('.people li').filter({ hasText: 'is typing' }).waitFor()
    await ben.getByRole('button', { name: 'Say', exact: true }).click()
    await ada.getByText('Hello').waitFor()
    expect(await textsOf(ada, '.people')).toEqual(['A\nAda you', `<\n${HOSTILE}\nHello`])
    expect(await textsOf(ben, '.people')).toEqual([`<\n${HOSTILE} you\nHello`, 'A\nAda'])
    for (const page of [ada, ben]) expect(await findFlaws(page)).toEqual([])
    expect(await widthOf(ben)).toBe(PHONE.width)

    // Somebody sends what no page of ours does.
    await using mallory = await server.raw()
    const channel = 'presence-kitchen'
    const user = { user_id: 'mallory', user_info: { name: { first: 'M' } } }
    const { auth, channel_data: data } = server
      .sdk()
      .authorizeChannel(mallory.socketId, channel, user)
    await mallory.subscribed(channel, auth, data)
    for (const said of [null, 7, { text: { html: 'x' } }, { text: 'the end' }])
      mallory.send({ event: 'client-said', channel, data: said })
    await ada.getByText('the end').waitFor()
    expect((await textsOf(ada, '.people'))[2]).toBe('S\nSomebody\nthe end')
    const knocks = ada.waitForEvent('console', (line) => line.text().endsWith('knocks'))
    mallory.send({ event: 'client-knock', channel, data: {} })
    expect((await knocks).text()).toBe('mallory knocks')
    await ada.getByRole('button', { name: 'and 2 others: knock' }).click()
    expect(await mallory.nextJson()).toMatchObject({
      event: 'client-knock',
      user_id: await idOf(ada),
    })

    // Ben goes to another room, out of all rooms, and back.
    await ben.getByRole('button', { name: 'Garden' }).click()
    await ben.getByText('You are alone.').waitFor()
    await ada.locator('.people li').nth(2).waitFor({ state: 'detached' })
    await ben.getByRole('button', { name: 'Outside' }).click()
    await ben.getByText('You have left.').waitFor()
    await ben.getByRole('button', { name: 'Kitchen' }).click()
    await ben.getByText('3 people').waitFor()
    const inAndOut = [
      'unsubscribe presence-kitchen',
      'subscribe presence-garden',
      'unsubscribe presence-garden',
    ]
    const all = [sent[0], ...inAndOut, 'subscribe presence-kitchen']
    expect(sent).toEqual(all as string[])

    // Cut off: who was here stays, until the server says who is.
    cable.pull()
    await ben.getByText('You are cut off.').waitFor()
    expect((await textsOf(ben, '.people')).length).toBe(3)
    mallory.send({ event: 'pusher:unsubscribe', data: { channel } })
    cable.plugIn()
    await ben.getByText('2 people').waitFor()
    await ben.getByLabel('Say something').fill('Back')
    await ben.getByRole('button', { name: 'Say', exact: true }).click()
    await ada.getByText('Back').waitFor()
    expect(sent).toEqual([...all, 'subscribe presence-kitchen'] as string[])

    // In and out faster than the backend answers: what counts is where he ends.
    const clicks = JSON.stringify(Array.from({ length: 5 }, () => ['Outside', 'Kitchen']).flat())
    await ben.evaluate(`(async () => {
      for (const name of ${clicks}) {
        for (const button of document.querySelectorAll('nav button'))
          if (button.textContent === name) button.click()
        await Promise.resolve()
      }
    })()`)
    await ben.getByText('2 people').waitFor()
    await ben.getByLabel('Say something').fill('Still here')
    await ben.getByRole('button', { name: 'Say', exact: true }).click()
    await ada.getByText('Still here').waitFor()
    expect(problems).toEqual([])
    for (const page of [ada, ben]) await page.close()

    await example.run('--outdir dist')
    expect(await Bun.file(`${example.folder}/dist/index.html`).text()).toContain('<div id="root">')
  })
  test('auth-server: pages of its origin get in with stock pusher-js, others are told nothing', async () => {
    await using page = await openSite(browser)
    await using stranger = await openSite(browser)
    const port = findFreePort()
    using example: Example = openExample('auth-server', { 3000: port, 8080: page.port })
    await using backend: LineReader = example.start('node server.mjs')
    expect((await backend.next())[0]).toStartWith('Signing on')
    const endpoint = `http://127.0.0.1:${port}/pusher/auth`
    expect(await enter(page, endpoint, server.port)).toBe('pusher:subscription_succeeded')
    expect(await enter(stranger, endpoint, server.port)).toBe('pusher:subscription_error')
    expect(await backend.next()).toEqual(['Ada enters private-team'])
    expect(await backend.next()).toEqual(['403: That page may not ask here'])
  })
})

/** Puts the README's component beside the page where its address says so; all of it together has the right types. */
async function putSnippet({ folder, block }: Example): Promise<void> {
  await Bun.write(`${folder}/src/knocking.tsx`, block('tsx', 'Knocking'))
  const main = `${folder}/src/main.tsx`
  const text = await Bun.file(main).text()
  const both = "<><App />{location.hash === '#knock' && <Knocking />}</>"
  await Bun.write(
    main,
    `${text.replace('<App />', both)}import { Knocking } from './knocking.tsx'\n`,
  )
  await execute([process.execPath, 'check'], { cwd: folder, timeoutMs: 30_000 })
}

/** What a page subscribes to and leaves, as it sends it. */
function listenToSubscriptions(page: Page): string[] {
  const sent: string[] = []
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const [, verb] = /^\{"event":"pusher:(\w*subscribe)"/.exec(String(payload)) ?? []
      if (verb) sent.push(`${verb} ${JSON.parse(String(payload)).data.channel}`)
    }),
  )
  return sent
}

const idOf = (page: Page): Promise<string> =>
  page.evaluate<string>("JSON.parse(sessionStorage.getItem('me')).id")
