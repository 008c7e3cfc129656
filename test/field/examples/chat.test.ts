/** examples/chat, as its README says: two libraries and two people in one room, and nothing missed after a cut. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { findFreePort } from '../../../bench/lib/processes'
import { ROOT } from '../../docs/pages'
import { start, type TestServer } from '../../harness'
import { describePages } from '../browser'
import { findFlaws, tabThrough } from '../console/axe'
import type { LineReader } from '../commands'
import { expectPlayed, openExample, type Example } from './example'

/** Which commands the README has: but for the first each is run. */
const PLAYED = ['npm install', 'node server.mjs', 'curl', 'CARILLON_URL=']

const PORT = findFreePort()
const SECURE_PORT = findFreePort()
const CERT = join(ROOT, 'test/tls/first.crt')
/** The app of the README's last command. */
const ELSEWHERE = { id: '2', key: 'your-key', secret: 'your-secret' }
const LOBBY = 'presence-lobby'
const RESUME = '../../src/client/resume.js'

describePages('examples/chat', (browser) => {
  let server: TestServer
  let elsewhere: TestServer
  let example: Example
  let backend: LineReader
  beforeAll(async () => {
    server = await start()
    const tls = { tlsCertFile: CERT, tlsKeyFile: CERT.replace('.crt', '.key') }
    elsewhere = await start({ apps: [ELSEWHERE], config: tls })
    const secure = `https://127.0.0.1:${elsewhere.port}`
    example = openExample('chat', {
      6001: server.port,
      3000: PORT,
      [RESUME]: join(ROOT, 'src/client/resume.js'),
      'https://push.example.com': `${secure} NODE_EXTRA_CA_CERTS=${CERT} PORT=${SECURE_PORT}`,
    })
    backend = example.start('node server.mjs')
    expect(await backend.next()).toEqual([`Open http://127.0.0.1:${PORT}`])
  })
  afterAll(async () => {
    await backend[Symbol.asyncDispose]()
    example[Symbol.dispose]()
    await server.stop()
    await elsewhere.stop()
  })

  /** Opens a window on the page, and waits until both panes are in their room. */
  async function open(place = '/', port = PORT): Promise<Visit> {
    const page = await browser.newPage({ ignoreHTTPSErrors: true })
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (line) => line.type() === 'error' && problems.push(line.text()))
    await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
      console.error('policy', event.effectiveDirective, event.blockedURI))`)
    await page.goto(`http://127.0.0.1:${port}${place}`)
    const [left, right] = [paneOf(page, 'pusher-js'), paneOf(page, 'phoenix.js')]
    for (const pane of [left, right]) await pane.isIn()
    return { page, left, right, problems, [Symbol.asyncDispose]: () => page.close() }
  }

  test('each command of the README is played here', () => {
    expectPlayed(example, PLAYED)
  })

  test('without history the page says that what was said meanwhile is missed', async () => {
    await using window = await open()
    for (const [cut, other] of bothWays(window)) {
      await cut.plug.click()
      await cut.state('Unplugged')
      await other.say(`said while ${cut.library} is away`)
      await cut.plug.click()
      await cut.sees('Back. This app keeps no history')
      expect(await cut.log.getByText(`while ${cut.library} is away`).count()).toBe(0)
    }
    expect(window.problems).toEqual([])
  })

  test('people of both libraries talk, and nothing is missed after a cut', async () => {
    expect(JSON.parse(await example.run('curl')).data.history).toHaveLength(3)
    await using first = await open()
    await using second = await open()
    await first.left.call('Ada')
    await first.right.call('Grace')
    await second.left.call('<b>Mallory</b>')
    await second.right.call('Ada') // the same name, so the same person
    const all = [first.left, first.right, second.left, second.right]
    for (const pane of all) await expectPeople(pane, ['<b>Mallory</b>', 'Ada', 'Grace'])
    await first.right.sees('<b>Mallory</b> came in')

    await first.left.say('Do you hear the bells?')
    for (const pane of all) await pane.sees('Do you hear the bells?')
    const HOSTILE = '<img src=x onerror="console.error(1)"><script>console.error(2)</script>'
    await second.right.say(HOSTILE, 'Directly')
    for (const pane of all) await pane.sees(HOSTILE)
    await using rude = server.pusher({ user: { user_id: 'rude' } })
    await rude.subscribe(LOBBY)
    const send = (data: unknown) => rude.pusher.channel(LOBBY).trigger('client-message', data)
    for (const data of [null, 7, [], { text: 7 }, { text: 'no more', name: {}, at: 'x', id: {} }])
      send(data)
    for (const pane of all) await pane.sees('no more')
    rude.pusher.disconnect()
    await first.right.say('Supper is ready', 'Broadcast')
    for (const pane of all) await pane.sees('Supper is ready')
    expect(await first.left.log.locator('.own').count()).toBe(2) // also what the other Ada said

    for (const [cut, other] of bothWays(first)) {
      await cut.plug.click()
      await cut.state('Unplugged')
      const missed = [1, 2].map((n) => `${n}, while ${cut.library} is away`)
      for (const text of missed) await other.say(text)
      await cut.plug.click()
      await cut.sees('Back. 2 caught up.')
      const heard = await cut.log.locator('.text').allInnerTexts()
      expect(heard.slice(-2)).toEqual(missed)
    }
    // A cut that nobody asked for: both come back by themselves, whichever sooner.
    for (const conn of server.core.hub.connections()) conn.sink.close(1012, 'restart')
    const said = { id: 'cut', at: Date.now(), name: 'Bell', text: 'said in the cut' }
    await server.sdk().trigger(LOBBY, 'message', said)
    for (const pane of all) {
      await pane.sees(said.text)
      await pane.isIn()
      expect(await pane.log.getByText(said.text).count()).toBe(1)
    }
    await second.page.close()
    await first.left.sees('<b>Mallory</b> left')
    // A name that runs the other way turns nothing around.
    const names = first.left.log.locator('.note > bdi')
    expect(new Set(await names.allInnerTexts())).toContain('<b>Mallory</b>')
    await expectPeople(first.right, ['Ada', 'Grace'])
    // Who comes later hears what was said before.
    await using third = await open()
    for (const pane of [third.left, third.right]) await pane.sees('Do you hear the bells?')
    expect([first.problems, second.problems, third.problems]).toEqual([[], [], []])
  })

  test('the belfry lets in whoever knows its word, and nobody hears what is said there', async () => {
    await using inside = await open()
    await using outside = await open()
    const refused: string[] = []
    inside.page.on(
      'response',
      (answer) => answer.ok() || refused.push(new URL(answer.url()).pathname),
    )
    await enterBelfry(inside.page, 'esmeralda')
    for (const pane of [inside.left, inside.right]) await pane.complains('not the word')
    expect(refused).toEqual(['/auth', '/auth'])
    await inside.left.say('let me in')
    await inside.left.complains('not the word')
    await inside.page.getByLabel('The word of the belfry').fill('quasimodo')
    await inside.page.keyboard.press('Enter')
    await inside.left.say('Between us')
    for (const pane of [inside.left, inside.right]) await pane.sees('Between us')
    await inside.right.say('To all of you', 'Broadcast')
    for (const pane of [inside.left, outside.left, outside.right]) await pane.sees('To all of you')
    for (const pane of [outside.left, outside.right])
      expect(await pane.log.getByText('Between us').count()).toBe(0)
    const loud = inside.problems.filter((line) => !line.includes('403 (Forbidden)'))
    expect([loud, outside.problems]).toEqual([[], []])
  })

  test('the backend is asked by its own pages alone, and signs for sockets', async () => {
    const own = `http://127.0.0.1:${PORT}`
    const ask = async (path: string, fields: Record<string, string>, origin = own) => {
      const body = new URLSearchParams({ name: 'Ada', user_id: 'Ada', ...fields })
      return (await fetch(own + path, { method: 'POST', headers: { origin }, body })).status
    }
    const socket = { socket_id: '1.2', channel_name: LOBBY }
    expect(await ask('/auth', socket)).toBe(200)
    expect(await ask('/auth', { ...socket, socket_id: '1.2:x' })).toBe(400)
    expect(await ask('/auth', { channel_name: LOBBY })).toBe(400)
    for (const origin of ['http://127.0.0.1:8080', 'https://evil.example', 'null'])
      expect(await ask('/messages', { room: LOBBY, text: 'spam' }, origin)).toBe(403)
  })

  test('without the backend Carillon signs, and messages are client events', async () => {
    await using window = await open('/?backend=none')
    await window.left.say('nobody in between')
    await window.right.sees('nobody in between')
    await window.page.getByRole('radio', { name: 'Belfry' }).check()
    for (const pane of [window.left, window.right]) await pane.isIn()
    await window.right.say('here neither')
    await window.left.sees('here neither')
    expect(await window.left.section.getByLabel('Broadcast').isDisabled()).toBe(true)
    expect(window.problems).toEqual([])
  })

  test('elsewhere, and by TLS', async () => {
    await using secure = example.start('CARILLON_URL=')
    expect(await secure.next()).toEqual([`Open http://127.0.0.1:${SECURE_PORT}`])
    await using window = await open('/', SECURE_PORT)
    await window.left.say('nobody listens in')
    for (const pane of [window.left, window.right]) await pane.sees('nobody listens in')
    expect(window.problems).toEqual([])
  })

  test('it fits a phone, is used by keyboard, and says when there is no server', async () => {
    await using window = await open()
    await window.page.setViewportSize({ width: 390, height: 844 })
    expect(await window.page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    for (const colorScheme of ['light', 'dark'] as const) {
      await window.page.emulateMedia({ colorScheme })
      expect(await findFlaws(window.page)).toEqual([])
    }
    const { steps, unseen } = await tabThrough(window.page)
    expect({ isShort: steps < 30, unseen }).toEqual({ isShort: true, unseen: [] })
    await window.left.plug.press('Enter')
    await window.left.state('Unplugged')
    await window.page.getByRole('radio', { name: 'Belfry' }).press('Space')
    expect(await findFlaws(window.page)).toEqual([])
    await window.left.plug.press('Enter')
    await window.page.route('**/auth', (route) => route.abort())
    await enterBelfry(window.page, 'quasimodo')
    for (const pane of [window.left, window.right]) {
      await pane.complains('The backend does not answer.')
    }
    expect(await window.page.getByLabel('The word of the belfry').isVisible()).toBe(false)
    await window.page.unroute('**/auth')
    await window.page.getByRole('radio', { name: 'Lobby' }).press('Space')
    for (const pane of [window.left, window.right]) await pane.isIn()
    await server.stop()
    await window.right.state('No server at')
    await window.right.say('into the void')
    await window.right.complains('Carillon did not take it: it does not answer.')
  })
})

type Visit = AsyncDisposable & {
  readonly page: Page
  readonly left: Pane
  readonly right: Pane
  /** Errors of scripts, lines of the console that are errors, what the policy has forbidden. */
  readonly problems: string[]
}

type Pane = ReturnType<typeof paneOf>

/** A pane, as somebody uses it. */
function paneOf(page: Page, library: string) {
  const section = page.getByRole('region', { name: library, exact: true })
  const log = section.getByRole('log')
  const has = (inside: Locator, text: string) => inside.filter({ hasText: text }).first().waitFor()
  const ownName = section.getByLabel('You are')
  const isIn = () => section.locator('[aria-busy=false]').waitFor()
  return {
    library,
    section,
    log,
    plug: section.locator('.plug'),
    people: section.locator('.people'),
    /** Waits until it is in its room. */
    isIn,
    async call(name: string): Promise<void> {
      await ownName.fill(name)
      await ownName.press('Enter')
      await section.locator('.people .own').getByText(name, { exact: true }).waitFor()
      await isIn()
    },
    /** Says something, with a box ticked for it; resolves once it was taken, or refused. */
    async say(text: string, way?: 'Broadcast' | 'Directly'): Promise<void> {
      const input = section.getByLabel('Message')
      if (way) await section.getByLabel(way).check()
      await input.fill(text)
      await input.press('Enter')
      await section.locator('.say:has(:placeholder-shown), .problem:not(:empty)').first().waitFor()
      if (way) await section.getByLabel(way).uncheck()
    },
    sees: (text: string) => has(log.getByRole('listitem'), text),
    state: (text: string) => has(section.getByRole('status'), text),
    complains: (text: string) => has(section.getByRole('alert'), text),
  }
}

const bothWays = ({ left, right }: Visit) =>
  [
    [left, right],
    [right, left],
  ] as const

async function expectPeople(pane: Pane, names: readonly string[]): Promise<void> {
  const items = pane.people.getByRole('listitem')
  for (const name of names) await items.getByText(name, { exact: true }).waitFor()
  await items.nth(names.length).waitFor({ state: 'detached' })
  expect((await items.allInnerTexts()).toSorted()).toEqual(names.toSorted())
}

async function enterBelfry(page: Page, word: string): Promise<void> {
  await page.getByRole('radio', { name: 'Belfry' }).check()
  await page.getByLabel('The word of the belfry').fill(word)
  await page.keyboard.press('Enter')
}
