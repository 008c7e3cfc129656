/**
 * Contract 5, statement by statement, by number, in the tables of `rows/`: users, what only they hear,
 * and who watches them.
 */
import { expect, test } from 'bun:test'
import { testRows } from './rows/row'
import { CLOSED } from './rows/users-closed'
import { SIGN_IN } from './rows/users-signin'
import { WATCHED } from './rows/users-watched'

const ROWS = [...SIGN_IN, ...WATCHED, ...CLOSED]

testRows(ROWS)

test('every part of contract 5 has its rows', () => {
  const parts = ['5.1', '5.2', '5.3', '5.4', '5.5', '5.6']
  expect([...new Set(ROWS.map(({ row }) => row))]).toEqual(parts)
})
