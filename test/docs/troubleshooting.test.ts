/** What docs/troubleshooting.md quotes is what the server says, and nothing that has a code is left out. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { SWITCHES } from '../../src/apps/switches'
import { LIMIT_BY_WIRE_NAME } from '../../src/apps/limits'
import { PROBLEMS } from '../../src/http/problem-rows'
import { APP_PROBLEMS } from '../../src/http/problem-rows-of-apps'
import { WIRE_ERRORS } from '../../src/protocols/errors'
import { start, type TestServer } from '../harness'
import { makeEvent, post } from '../http/event-requests'
import { readPage, ROOT } from './pages'

const page = await readPage('docs/troubleshooting.md')

/** Cells of the rows of tables whose titles begin so. */
function rowsBelow(title: string): readonly (readonly string[])[] {
  const lines = page.split('\n')
  const from = lines.findIndex((line) => line.startsWith('|') && cellsOf(line)[0] === title)
  const until = lines.findIndex((line, index) => index > from && !line.startsWith('|'))
  return lines.slice(from + 2, until).map(cellsOf)
}

const cellsOf = (line: string): readonly string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

const CODES: readonly string[] = [...PROBLEMS, ...APP_PROBLEMS].map(({ code }) => code)

const quotesIn = (text: string): readonly string[] =>
  Array.from(text.matchAll(/`([^`]+)`/g), ([, quote = '']) => quote)

/** Texts by the columns that quote the server. */
const QUOTED: readonly string[] = [
  ...rowsBelow('Code').map((cells) => cells[1]!),
  ...rowsBelow('What the client is told').map((cells) => cells[0]!),
  ...rowsBelow('Status').map((cells) => cells[1]!),
  ...rowsBelow('Part').map((cells) => cells[1]!),
  ...rowsBelow('Line').map((cells) => cells[0]!),
].flatMap(quotesIn)

const LITERAL = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g
/** A pattern with less than that of its own would match anything. */
const LEAST_CHARS = 9

/** A text of the sources between its values. */
type Literal = readonly string[]

/** All texts of the sources that may be said. */
async function readLiterals(): Promise<readonly Literal[]> {
  const literals: Literal[] = []
  for (const folder of ['src', 'plugins'])
    for (const file of new Bun.Glob('**/*.ts').scanSync(join(ROOT, folder))) {
      if (file.endsWith('.test.ts') || file.startsWith('pages/')) continue
      const text = await Bun.file(join(ROOT, folder, file)).text()
      for (const [, single, double, template] of text.matchAll(LITERAL))
        literals.push(
          (single ?? double ?? template ?? '').replace(/\\(['"`])/g, '$1').split(/\$\{[^}]*\}/),
        )
    }
  return literals
}

const isEnough = (parts: Literal): boolean => parts.join('').trim().length >= LEAST_CHARS

/** With anything where the text has a value. */
const matches = (parts: Literal, quote: string): boolean =>
  isEnough(parts) &&
  parts.every((part) => quote.includes(part)) &&
  new RegExp(`^${parts.map(RegExp.escape).join('.+')}$`).test(quote)

/** True where the quote is the text, or how it begins up to one of its values. */
const isSaidBy = (parts: Literal, quote: string): boolean =>
  quote.endsWith('…')
    ? parts.some((_, index) => matches(parts.slice(0, index + 1), quote.slice(0, -1)))
    : matches(parts, quote)

test('every text that it quotes is one that the server says', async () => {
  const literals = await readLiterals()
  expect(QUOTED.length).toBeGreaterThan(50)
  const isSaid = (quote: string): boolean => literals.some((parts) => isSaidBy(parts, quote))
  expect(QUOTED.filter((quote) => !isSaid(quote))).toEqual([])
})

test('every number of the wire and every part of /ready has its row', async () => {
  const wire = Object.values(WIRE_ERRORS).flatMap(({ pusher }) => pusher ?? [])
  const codes = rowsBelow('Code').map(([code]) => Number(code))
  expect([...new Set(codes)].toSorted()).toEqual([...new Set(wire)].toSorted())
  const readiness = await readPage('src/core/readiness.ts')
  const parts = Array.from(readiness.matchAll(/^  \| '([\w-]+)'$/gm), ([, part]) => part)
  const named = rowsBelow('Part').flatMap(([part]) => quotesIn(part!))
  expect(named.toSorted()).toEqual(parts.toSorted() as string[])
})

/** Fields of an app, as the page and remedies of problems name them. */
const FIELDS: readonly string[] = [...LIMIT_BY_WIRE_NAME.keys(), ...Object.keys(SWITCHES)]

test('fields of an app that it names are there', () => {
  const remedies = [...PROBLEMS, ...APP_PROBLEMS].map(({ remedy }) => remedy).join()
  const named = quotesIn(page + remedies).filter((quote) => /^[a-z]+(_[a-z]+)+$/.test(quote))
  const known = [...FIELDS, ...CODES, 'socket_id']
  expect(named.filter((name) => !known.includes(name))).toEqual([])
})

/** What a frame says is wrong. */
const messageIn = (frame: string): string => {
  const { data } = JSON.parse(frame) as { data: string | { message?: string; error?: string } }
  const said = typeof data === 'string' ? (JSON.parse(data) as { error: string }) : data
  return said.error ?? (said as { message: string }).message
}

/** The answer to what a new client says. */
const say =
  (...messages: readonly object[]) =>
  async (server: TestServer): Promise<string> => {
    await using client = await server.raw()
    messages.forEach((message) => client.send(message))
    const frames: string[] = []
    while (!/error/.test(frames.at(-1) ?? '')) frames.push(await client.next())
    return messageIn(frames.at(-1)!)
  }

const subscribe = (channel: string, auth?: string) => ({
  event: 'pusher:subscribe',
  data: { channel, auth },
})
const clientEvent = (channel: string) => ({ event: 'client-e', channel, data: '1' })

const connectTo =
  (path: string) =>
  async (server: TestServer): Promise<string> => {
    await using client = await server.raw({ path, hello: false })
    return (await client.closing()).reason
  }

const request =
  (path: string, body?: string) =>
  async (server: TestServer): Promise<string> =>
    await (await server.http(path, body === undefined ? {} : { method: 'POST', body })).text()

const trigger =
  (more: object) =>
  async (server: TestServer): Promise<string> =>
    (await post(server.sdk(), '/events', makeEvent(more)))[1]

/** Ways to be told what the page quotes. */
const CAUSED: readonly (readonly [
  quote: string,
  cause: (server: TestServer) => Promise<string>,
])[] = [
  ['App key 5b0f5c1e does not exist', connectTo('/app/5b0f5c1e?protocol=7')],
  ['Path /socket.io not found; connect to /app/KEY', connectTo('/socket.io')],
  ["Protocol 'seven' is not a number", connectTo('/app/test-app-fake-key?protocol=seven')],
  ['Protocol 3 is not supported; 4 to 7 are', connectTo('/app/test-app-fake-key?protocol=3')],
  ['Auth info required to subscribe to private-room', say(subscribe('private-room'))],
  [
    "Auth value for subscription to private-room is invalid: should be of format 'key:signature'",
    say(subscribe('private-room', 'nonsense')),
  ],
  ['Existing subscription to channel room', say(subscribe('room'), subscribe('room'))],
  [
    'Cannot broadcast client event on room (only private and presence channels carry them)',
    say(subscribe('room'), clientEvent('room')),
  ],
  [
    'Cannot broadcast client event (connection not subscribed to channel private-room)',
    say(clientEvent('private-room')),
  ],
  ['Authentication key required', request('/apps/1/events', '{}')],
  ['App 7 does not exist', request('/apps/7/channels?auth_key=k')],
  ['Unknown route', request('/apps/1/nothing')],
  ["Invalid socket_id: '1234'", trigger({ socket_id: '1234' })],
  ['Event name must not be empty', trigger({ name: '' })],
  ['Expected at least one channel', trigger({ channels: [] })],
  [
    'The data content of this event exceeds the allowed maximum (20000 of 10240 bytes)',
    trigger({ data: 'x'.repeat(20_000) }),
  ],
]

test('what it quotes is said to whoever does that', async () => {
  await using server = await start()
  for (const [quote, cause] of CAUSED) {
    expect(QUOTED).toContain(quote)
    expect((await cause(server)).trim()).toBe(quote)
  }
})
