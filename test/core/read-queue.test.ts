/** Connections that are not read, and read again one by one. */
import { expect, test } from 'bun:test'
import { Connection, newSocketId } from '../../src/core/connection'
import { newCounters } from '../../src/core/counters'
import { ReadQueue } from '../../src/core/read-queue'
import { pusher } from '../../src/protocols/pusher'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A connection whose transport notes whether it is read. */
function connect(name: string, done: string[]): Connection {
  const counted = { counters: newCounters() }
  const conn = new Connection(newSocketId(), pusher, undefined, '127.0.0.1', counted)
  const pause = () => void done.push(`${name} paused`)
  const resume = () => void done.push(`${name} resumed`)
  conn.sink = { ...conn.sink, pause, resume }
  return conn
}

test('of many one is read again in each turn, in order', async () => {
  const reads = new ReadQueue()
  const done: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map((name) => connect(name, done))
  for (const conn of [a!, b!, c!, a!]) reads.pause(conn)
  expect(done.splice(0)).toEqual(['a paused', 'b paused', 'c paused'])
  reads.resume(b!)
  for (const conn of [a!, b!, c!]) reads.resume(conn)
  expect(done).toEqual([])
  for (const name of ['b', 'a', 'c']) {
    await turn()
    expect(done.splice(0)).toEqual([`${name} resumed`])
  }
})

test('one that has frames again before its turn, or is closed, is not', async () => {
  const reads = new ReadQueue()
  const done: string[] = []
  const [busy, closed, read] = ['busy', 'closed', 'read'].map((name) => connect(name, done))
  for (const conn of [busy!, closed!]) reads.pause(conn)
  for (const conn of [busy!, closed!, read!]) reads.resume(conn)
  reads.pause(busy!)
  closed!.close()
  done.length = 0
  for (let turns = 0; turns < 4; turns++) await turn()
  expect(done).toEqual([])
  reads.resume(busy!)
  await turn()
  expect(done).toEqual(['busy resumed'])
})
