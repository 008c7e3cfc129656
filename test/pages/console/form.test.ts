import { expect, test } from 'bun:test'
import { Arrivals, MAX_UNDER_WAY } from '../../../src/pages/console/creator/arrivals'
import { CreatorClient, type Received } from '../../../src/pages/console/creator/client'
import {
  findMistakes,
  FIRST_FORM,
  FIRST_ROW,
  requestOf,
  targetsOf,
  type Form,
} from '../../../src/pages/console/creator/form'
import {
  addSent,
  MAX_SENT,
  MAX_SENT_CHARS,
  readSent,
  writeSent,
  type Sent,
} from '../../../src/pages/console/creator/history'
import { signQuery } from '../../../src/pages/signature'
import { Inbox, start } from '../../harness'

const row = (data: string) => ({ ...FIRST_ROW, data })
const form = (change: Partial<Form>): Form => ({
  ...FIRST_FORM,
  rows: [row(' {"n":1} ')],
  ...change,
})

const FORMS: readonly Form[] = [
  form({}),
  form({ except: '1.2' }),
  form({ rows: [row('not JSON')], isText: true }),
  form({ kind: 'user', user: 'u 1', rows: [{ ...row('1'), channel: '' }] }),
  form({ kind: 'batch', rows: [row('1'), { ...row('2'), channel: 'private-room' }] }),
]

test('what is made of a form, and signed, is accepted; its events arrive, and are recognized', async () => {
  await using server = await start()
  const heard = new Inbox<Received>()
  const { id: appId, key, secret } = server.app
  const client = new CreatorClient({
    base: `ws://127.0.0.1:${server.port}`,
    key,
    secret,
    memberId: 'console',
    change: () => undefined,
    receive: (event) => heard.push(event),
  })
  using _ = { [Symbol.dispose]: () => client.close() }
  for (const channel of ['my-channel', 'private-room']) client.subscribe(channel)
  client.signIn('u 1')
  expect(await client.whenSubscribed('private-room', 5000)).toBe(true)
  expect(await client.whenSignedIn('u 1', 5000)).toBe(true)

  const arrivals = new Arrivals()
  for (const each of FORMS) {
    expect(findMistakes(each)).toBeUndefined()
    const { path: rest, body } = requestOf(each)
    const path = `apps/${appId}/${rest}`
    const query = signQuery({ method: 'POST', path: `/${path}`, body }, { key, secret }, Date.now())
    arrivals.expect(path, targetsOf(each), performance.now())
    const url = `http://127.0.0.1:${server.port}/${path}?${query}`
    const answer = await fetch(url, { method: 'POST', body })
    expect({ each, status: answer.status }).toEqual({ each, status: 200 })
    for (const _target of targetsOf(each))
      expect(arrivals.recognize(await heard.next(), 'u 1').sent).toMatchObject({ id: path })
  }
})

const MISTAKES: readonly [what: string, form: Form, found: ReturnType<typeof findMistakes>][] = [
  [
    'no channel',
    form({ rows: [{ ...row('1'), channel: '' }] }),
    { rows: [{ channel: 'To which channel?' }] },
  ],
  [
    'no event',
    form({ rows: [{ ...row('1'), event: '' }] }),
    { rows: [{ event: 'What is it called?' }] },
  ],
  ['no user', form({ kind: 'user' }), { rows: [{}], user: 'To which user?' }],
  [
    'a socket that is none',
    form({ except: '12' }),
    { rows: [{}], except: 'Two numbers with a dot between them, as 123.456' },
  ],
  [
    'no JSON in the second row',
    form({ kind: 'batch', rows: [row('1'), row('{\n"a":}')] }),
    { rows: [{}, { data: { at: 6, line: 2, column: 5, reason: 'Expected a value' } }] },
  ],
]

test.each(MISTAKES)('the form finds %s', (_, wrong, found) => {
  expect(findMistakes(wrong)).toEqual(found)
})

// ---------------------------------------------------------------- what was sent

const sent = (id: string, change: Partial<Sent> = {}): Sent => ({
  id,
  time: 1,
  form: FIRST_FORM,
  status: 200,
  answer: '{}',
  ...change,
})

/** What a browser keeps for a tab. */
function newStorage() {
  const kept = new Map<string, string>()
  return {
    kept,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => void kept.set(name, text),
    removeItem: (name: string) => void kept.delete(name),
  }
}

test('what was sent is kept by app, and read again; an empty list leaves nothing', () => {
  const storage = newStorage()
  const list = addSent(addSent([], sent('a')), sent('b', { status: 400, answer: 'refused' }))
  writeSent(storage, 'one', list)
  expect(readSent(storage, 'one').map(({ id }) => id)).toEqual(['b', 'a'])
  expect(readSent(storage, 'one')).toEqual(list)
  expect(readSent(storage, 'another')).toEqual([])
  writeSent(storage, 'one', [])
  expect(storage.kept.size).toBe(0)
})

test('the oldest go: by count, and by characters', () => {
  let list: readonly Sent[] = []
  for (let n = 0; n < MAX_SENT + 5; n++)
    list = addSent(list, sent(`${n}`, { answer: 'x'.repeat(2000) }))
  expect(list.length).toBe(MAX_SENT)
  expect(list[0]!.id).toBe(`${MAX_SENT + 4}`)
  expect(list[0]!.answer.length).toBe(1000)

  const long = form({ rows: [row('x'.repeat(MAX_SENT_CHARS / 3))], isText: true })
  for (const id of ['a', 'b', 'c']) list = addSent(list, sent(id, { form: long }))
  expect(list.slice(0, 2).map(({ id }) => id)).toEqual(['c', 'b'])
  expect(JSON.stringify(list).length).toBeLessThan(MAX_SENT_CHARS + 100)
})

test.each([
  'nonsense',
  '{}',
  '[1,null,{"id":"a"}]',
  '[{"id":"a","time":1,"status":200,"answer":"","form":{}}]',
])('kept text that is none of ours is left out: %s', (text) => {
  const storage = newStorage()
  storage.setItem('carillon.console.sent.one', text)
  expect(readSent(storage, 'one')).toEqual([])
})

test('a browser that keeps nothing is survived', () => {
  const refuse = (): never => {
    throw new DOMException('full', 'QuotaExceededError')
  }
  const storage = { getItem: refuse, setItem: refuse, removeItem: refuse }
  expect(readSent(storage, 'one')).toEqual([])
  expect(() => writeSent(storage, 'one', [sent('a')])).not.toThrow()
})

// ---------------------------------------------------------------- arrivals

const received = (data: string, change: Partial<Received> = {}): Received => ({
  at: 25,
  channel: 'room',
  event: 'hi',
  data,
  userId: undefined,
  ...change,
})
const target = (data: string) => ({ channel: 'room', event: 'hi', data })

test('an event that was sent here has its time; of two that are the same the older comes first', () => {
  const arrivals = new Arrivals()
  arrivals.expect('a', [target('1')], 10)
  arrivals.expect('b', [target('1'), target('2')], 20)
  arrivals.expect('refused', [target('3')], 20)
  arrivals.forget('refused')
  const heard = ['1', '1', '1', '2', '3'].map((data) =>
    arrivals.recognize(received(data), undefined),
  )
  expect(heard.map((each) => each.sent)).toEqual([
    { id: 'a', ms: 15 },
    { id: 'b', ms: 5 },
    undefined,
    { id: 'b', ms: 5 },
    undefined,
  ])
  expect(new Set(heard.map(({ id }) => id)).size).toBe(heard.length)
})

test('an event to the user of the pane is recognized; those under way are bounded', () => {
  const arrivals = new Arrivals()
  arrivals.expect('old', [target('old')], 0)
  for (let n = 1; n < MAX_UNDER_WAY; n++) arrivals.expect('full', [target('x')], 0)
  arrivals.expect('u', [{ ...target('1'), channel: '#server-to-user-u-1' }], 20)
  const toUser = received('1', { channel: undefined })
  expect(arrivals.recognize(toUser, 'u-2').sent).toBeUndefined()
  expect(arrivals.recognize(toUser, 'u-1').sent).toEqual({ id: 'u', ms: 5 })
  expect(arrivals.recognize(received('old'), undefined).sent).toBeUndefined()
})
