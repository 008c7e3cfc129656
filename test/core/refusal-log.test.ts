/** Lines of what is refused, at whatever rate, from however many addresses: bounded. */
import { describe, expect, test } from 'bun:test'
import { MAX_KINDS, RefusalLog, type LogPolicy } from '../../src/core/refusal-log'
import { ManualClock, MemoryLog } from '../../kit/clock'
import { WIRE_ERRORS } from '../../src/protocols/errors'
import { start } from '../harness'

const MINUTE_MS = 60_000

function makeRefusalLog(as: LogPolicy = undefined) {
  const [log, clock] = [new MemoryLog(), new ManualClock(0)]
  const refusals = new RefusalLog(log, clock, () => as)
  const note = (remoteAddress: string, message = '') =>
    refusals.note({ code: 'request_unauthorized', message }, { remoteAddress })
  const listLines = (level = 'info') =>
    log.lines.filter((line) => line.level === level).map(({ fields }) => fields)
  return { refusals, clock, note, told: listLines }
}

test('a minute is one line, for as long as it goes on, and what is over is news again', () => {
  const { refusals, clock, note, told: listLines } = makeRefusalLog()
  for (let second = 0; second < 180; second++) {
    note('192.0.2.1')
    clock.advance(1000)
    refusals.sweep()
  }
  expect(listLines()).toMatchObject([{ times: 1 }, { times: 59 }, { times: 60 }, { times: 60 }])
  expect(listLines('debug')).toHaveLength(180)
  clock.advance(MINUTE_MS)
  refusals.sweep()
  expect(refusals.size).toBe(0)
  note('192.0.2.1')
  expect(listLines()).toHaveLength(5)
})

test('kinds are bounded: further addresses are one, and lines are spread over sweeps', () => {
  const { refusals, clock, note, told: listLines } = makeRefusalLog()
  const addresses = Array.from({ length: 5000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
  for (const address of [...addresses, ...addresses]) note(address)
  expect(refusals.size).toBe(MAX_KINDS + 1)
  expect(listLines()).toHaveLength(MAX_KINDS + 1)
  clock.advance(MINUTE_MS)
  const lines = Array.from({ length: 7 }, () => {
    const before = listLines().length
    refusals.sweep()
    return listLines().length - before
  })
  expect(lines).toEqual([200, 200, 200, 200, 200, 1, 0])
  const all = listLines() as { times: number; remoteAddress: string }[]
  expect(all.reduce((sum, { times }) => sum + times, 0)).toBe(10_000)
  expect(all.filter(({ remoteAddress }) => remoteAddress === 'others')).toMatchObject([
    { times: 1 },
    { times: 2 * 4000 - 1 },
  ])
})

test('addresses of one /64 are one, and the end tells what was held back', () => {
  const { refusals, note, told: listLines } = makeRefusalLog()
  for (let n = 0; n < 100; n++) note(`2001:db8::${n.toString(16)}`)
  note('2001:db8:0:1::1')
  refusals.finish()
  expect(listLines()).toMatchObject([{ times: 1 }, { times: 1 }, { times: 99 }])
  expect(refusals.size).toBe(0)
})

test('messages whose numbers differ are one kind, told by the last of them', () => {
  const { refusals, note, told: listLines } = makeRefusalLog('message')
  for (let n = 0; n < 100; n++) note('192.0.2.1', `${8001 + n} commands wait`)
  refusals.finish()
  expect(listLines()).toMatchObject([
    { reason: '8001 commands wait', times: 1 },
    { reason: '8100 commands wait', times: 99 },
  ])
})

describe('a line says of a message', () => {
  const ROWS: readonly [LogPolicy, object][] = [
    [undefined, { code: 'request_unauthorized', times: 1 }],
    ['message', { code: 'request_unauthorized', reason: 'Invalid signature: for x', times: 1 }],
    [['Version', 'Invalid'], { code: 'request_unauthorized', reason: 'Invalid', times: 1 }],
    [['Version'], { code: 'request_unauthorized', times: 1 }],
  ]
  test.each(ROWS)('%j', (as, fields) => {
    const { note, told: listLines } = makeRefusalLog(as)
    note('192.0.2.1', 'Invalid signature: for x')
    expect(listLines()).toEqual([{ ...fields, remoteAddress: '192.0.2.1' }])
  })

  test('nothing where nobody has to look into it', () => {
    const { refusals, note, told: listLines } = makeRefusalLog('quiet')
    note('192.0.2.1')
    expect([listLines().length, listLines('debug').length, refusals.size]).toEqual([0, 1, 0])
  })
})

test('every row of the table has a line of its own, at info or at debug', async () => {
  await using server = await start()
  for (const code of Object.keys(WIRE_ERRORS) as (keyof typeof WIRE_ERRORS)[])
    server.core.refusalLog.note({ code, message: '' }, { remoteAddress: '192.0.2.1' })
  const at = (wanted: string) =>
    server.log.lines
      .filter(({ level, message }) => level === wanted && message === 'refused')
      .map(({ fields }) => (fields as { code: string }).code)
  expect(at('debug')).toEqual(Object.keys(WIRE_ERRORS))
  const quiet = at('debug').filter((code) => !at('info').includes(code))
  expect(quiet).toEqual([
    'node_draining',
    'connect_failed',
    'reconnect_requested',
    'shutting_down',
    'pong_timeout',
    'internal',
  ])
})
