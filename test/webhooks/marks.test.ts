/** Rows of a fact and its mark are written together, however rows are grouped. */
import { expect, test } from 'bun:test'
import { Marks } from '../../src/webhooks/marks'

/** Of each fact how many rows it has; 0 for a row that is of no stream. */
const FACTS = [2, 3, 0, 1, 0, 0, 4, 1]

test.each([
  [1, ['1', '1 a', '1', '1', '1 b', '1', '1 c', '1', '1', '1', '1', '1', '1 d', '1 e']],
  [3, ['2 a', '3 b', '3 c', '1', '3', '2 d e']],
  [5, ['5 a b', '4 c', '5 d e']],
  [100, ['14 a b c d e']],
])('groups of %d', (most, groups) => {
  const marks = new Marks()
  const told: string[] = []
  let rows = 0
  let name = 'a'.charCodeAt(0)
  for (const own of FACTS) {
    const from = marks.queued
    for (let row = 0; row < Math.max(own, 1); row++) marks.countQueued()
    rows += Math.max(own, 1)
    if (own === 0) continue
    const id = String.fromCharCode(name++)
    void marks.add({ stream: 's', id }, from).then(() => told.push(id))
  }
  const written: string[] = []
  while (rows > 0) {
    const length = marks.cut(Math.min(most, rows))
    written.push([length, ...marks.of(length).map(({ id }) => id)].join(' '))
    marks.shift(length)
    rows -= length
  }
  expect(written).toEqual(groups)
  expect(marks.length).toBe(0)
})

test('a mark without rows is written by itself, and those of another process are never told', () => {
  const marks = new Marks()
  void marks.add({ stream: 's', id: '1' }, 0)
  expect([marks.cut(0), marks.of(0).map(({ id }) => id)]).toEqual([0, ['1']])
  marks.shift(0)
  expect(marks.length).toBe(0)
  marks.countQueued()
  void marks.add({ stream: 's', id: '2' }, 0)
  marks.forget()
  expect([marks.length, marks.cut(1), marks.of(1)]).toEqual([0, 1, []])
})
