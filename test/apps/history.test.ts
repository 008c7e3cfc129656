/** The rules of an app about its channels' history, as the admin API takes them. */
import { expect, test } from 'bun:test'
import { start, startCommon } from '../harness'
import { change, create, FORM, makeTemporary, requestAdmin } from '../http/admin-requests'

const PREFIX = 'room'

test('they are read with their defaults, from JSON and from forms, and stored', async () => {
  await using folder = makeTemporary()
  const options = { config: { databasePath: folder.path } }
  const rules = [
    { prefix: 'room', size: 100, ttl_seconds: 3600, durable: false, rewind: 0 },
    { prefix: '', size: 5, ttl_seconds: 60, durable: true, rewind: 3 },
  ]
  {
    await using server = await start(options)
    const given = [
      { prefix: 'room' },
      { prefix: '', size: '5', ttl_seconds: 60, durable: 'true', rewind: 3 },
    ]
    const { status, body } = await create(server, { name: 'some app', history: given })
    expect([status, body.data.history]).toEqual([201, rules])
  }
  await using server = await start(options)
  const kept = await requestAdmin(server, 'GET', '/some-app')
  expect(kept.body.data.history).toEqual(rules)
  const form = 'app[history][][prefix]=room&app[history][][size]=7'
  const changed = await requestAdmin(server, 'PATCH', '/some-app', { body: form, headers: FORM })
  expect(changed.body.data.history).toEqual([
    { prefix: 'room', size: 7, ttl_seconds: 3600, durable: false, rewind: 0 },
  ])
  expect((await change(server, 'some-app', { history: [] })).body.data.history).toEqual([])
})

const REFUSED: readonly (readonly [history: unknown, message: string])[] = [
  [{ prefix: PREFIX }, 'is invalid: {"prefix":"room"}; expected a list'],
  [['room'], 'has "room"; expected an object with a prefix'],
  [[{}], 'has the prefix null; expected text, empty for all public channels'],
  [[{ prefix: 7 }], 'has the prefix 7; expected text, empty for all public channels'],
  [
    [{ prefix: PREFIX, length: 7 }],
    'has the unknown key "length"; known are prefix, size, ttl_seconds, rewind, durable',
  ],
  [[{ prefix: PREFIX, size: 0 }], 'has size 0; expected an integer from 1 to 100000'],
  [[{ prefix: PREFIX, size: 1.5 }], 'has size 1.5; expected an integer from 1 to 100000'],
  [[{ prefix: PREFIX, size: '7x' }], 'has size "7x"; expected an integer from 1 to 100000'],
  [
    [{ prefix: PREFIX, ttl_seconds: 604_801 }],
    'has ttl_seconds 604801; expected an integer from 1 to 604800',
  ],
  [[{ prefix: PREFIX, rewind: 1001 }], 'has rewind 1001; expected an integer from 0 to 1000'],
  [[{ prefix: PREFIX, durable: 7 }], 'has durable, which is invalid: 7; expected true or false'],
  [Array(21).fill({ prefix: PREFIX }), 'has 21 entries; the limit is 20'],
]

const server = startCommon()
test.each(REFUSED)('%j is refused in words', async (history, message) => {
  const { status, body } = await create(server(), { name: 'some name', history })
  expect([status, body]).toEqual([422, { errors: { history: [message] } }])
})
