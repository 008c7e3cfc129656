/**
 * Durable streams that go on without an event, or end: what is stored of them is gone before anything else is
 * published, so that whoever kills the server right then finds no stream that seems whole.
 */
import { beforeEach, expect, test } from 'bun:test'
import { channelKind } from '../../src/core/channel'
import type { History } from '../../src/core/history'
import { MAX_DISCARDED } from '../../src/core/history-log'
import type { ChannelName, Position } from '../../src/core/types'
import { app, begin, limits, makeEvent, rule, settle, Tables } from './history-tables'

const ROOM = 'room' as ChannelName
/** More than the log deletes at a time. */
const MANY = 1000

let tables: Tables
let history: History
/** Where the room was. */
let known: Position

const append = (channel: ChannelName, chars = 1): Position =>
  history.append(makeEvent(channel, 'e', chars), channelKind(channel), 0) as Position

const changeRules = (...rules: object[]): void => {
  Object.assign(app.record, { history: rules })
  history.changeRules(app)
}

/** True where a server that starts now would take the room's stream for whole. */
function seemsWhole(): boolean {
  Object.assign(app.record, { history: [rule] })
  return begin(tables).history.stream(app, ROOM, 0)!.since(known, Infinity) !== undefined
}

beforeEach(async () => {
  Object.assign(app.record, { history: [rule] })
  tables = new Tables()
  const begun = begin(tables)
  history = begun.history
  for (let n = 0; n < MANY; n++) append(`other-${n}` as ChannelName)
  known = append(ROOM)
  await settle(begun.log)
  expect(tables.byId.size).toBe(MANY + 1)
  expect(seemsWhole()).toBe(true)
})

test.each([
  ['its app is deleted', () => history.forgetApp(app)],
  ['no rule covers it any more', () => changeRules()],
  ['only a rule for others is left', () => changeRules({ ...rule, prefix: 'other' })],
  [
    'a rule that is not durable has it kept in memory',
    () => {
      changeRules({ ...rule, durable: false })
      append(ROOM)
    },
  ],
  ['an event is too large to be kept', () => append(ROOM, limits.maxHistoryBytesPerChannel)],
  [
    'the server starts without its app',
    () => {
      Object.assign(app.record, { history: [] })
      begin(tables)
    },
  ],
])('a stream is not there where %s', (_, end) => {
  end()
  expect(seemsWhole()).toBe(false)
})

test('one that was not covered for a while is no stream that a stop would close', async () => {
  tables.isDown = true
  changeRules()
  tables.isDown = false
  changeRules(rule)
  history.close()
  expect(seemsWhole()).toBe(false)
})

test('one that was always covered goes on, whatever else of the rules has changed', () => {
  changeRules({ ...rule, size: 5 })
  changeRules({ ...rule, prefix: 'room' }, { ...rule, prefix: 'other-1' })
  changeRules(rule)
  expect(seemsWhole()).toBe(true)
  const [ended] = tables.endedByRow.values()
  expect(ended?.length).toBeWithin(1, MANY)
})

test('many are ended at once and deleted in turns; a crash or a failure in between brings none back', async () => {
  tables.commits = tables.mostDiscarded = 0
  history.forgetApp(app)
  expect([tables.commits, tables.byId.size, tables.endedByRow.size]).toEqual([1, MANY + 1, 1])
  await new Promise(setImmediate)
  const left = tables.byId.size
  expect(left).toBeWithin(1, MANY)
  tables.isDown = true
  await new Promise(setImmediate)
  tables.isDown = false
  history.sweep(0)
  while (tables.endedByRow.size > 0) {
    expect(seemsWhole()).toBe(false)
    await new Promise(setImmediate)
  }
  expect([tables.byId.size, tables.mostDiscarded]).toEqual([0, MAX_DISCARDED.rows])
})

test('what a deleted app has left when the server stops does not come back', async () => {
  tables = new Tables()
  const begun = begin(tables)
  history = begun.history
  known = append(ROOM)
  await settle(begun.log)
  history.forgetApp(app)
  history.close()
  expect(seemsWhole()).toBe(false)
})
