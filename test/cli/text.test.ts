/** Text of others, widths, and tables that fit. */
import { expect, test } from 'bun:test'
import { Terminal } from '../../src/cli/terminal'
import { cut, layOut, toSafe, toSafeJson, widthOf, wrap } from '../../src/cli/text'

const EVIL = 'a\u001b[2J\u009b31m\u202e\u2028\ud800\n\tz'

test('no character that a terminal obeys is left', () => {
  const safe = toSafe(EVIL)
  expect(safe).toBe('a\\u001b[2J\\u009b31m\\u202e\\u2028\\ud800\\n\\tz')
  for (const indent of [undefined, 2]) {
    const json = toSafeJson({ [EVIL]: [EVIL] }, indent)
    expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Bidi_Control}]/u)
    expect(JSON.parse(json)).toEqual({ [EVIL]: [EVIL] })
  }
})

test('a text is cut and wrapped by columns, and no character is torn', () => {
  expect(cut('日本語のチャンネル', 7)).toBe('日本語…')
  expect(cut('👨‍👩‍👧 family', 4)).toBe('👨‍👩‍👧 …')
  expect(cut('short', 5)).toBe('short')
  expect(cut('x'.repeat(1e6), 5)).toBe('xxxx…')
  expect(wrap('what to do, and why not', 12)).toEqual(['what to do,', 'and why not'])
  expect(wrap('https://example.org/a', 10)).toEqual(['https://ex', 'ample.org/', 'a'])
  expect(wrap('', 10)).toEqual([''])
})

test('a table fits, its numbers are whole, and the widest columns give', () => {
  const columns = [
    { title: 'NAME' },
    { title: 'COUNT', isNumber: true },
    { title: 'ABOUT' },
  ] as const
  const rows = [
    ['x'.repeat(200), '1234567', 'short'],
    ['日本語', '1', 'y'.repeat(50)],
  ]
  const lines = layOut(columns, rows, 40)
  expect(lines.map(widthOf).every((width) => width <= 40)).toBe(true)
  expect(lines).toEqual([
    'NAME              COUNT  ABOUT',
    `${'x'.repeat(13)}…  1234567  short`,
    `日本語                1  ${'y'.repeat(14)}…`,
  ])
  const wide = layOut(columns, rows, 300)
  expect(wide[1]).toStartWith('x'.repeat(200))
})

test('colours are for terminals without NO_COLOR that are not dumb', () => {
  const isColoured = (isTTY: boolean, env: Record<string, string>): boolean => {
    const streams = { stdout: { write: () => true, isTTY }, stderr: { write: () => true } }
    return new Terminal(streams, { isJson: false, env }).bold('x') !== 'x'
  }
  expect(isColoured(true, {})).toBe(true)
  expect(isColoured(true, { NO_COLOR: '1' })).toBe(false)
  expect(isColoured(true, { NO_COLOR: '' })).toBe(true)
  expect(isColoured(true, { TERM: 'dumb' })).toBe(false)
  expect(isColoured(false, {})).toBe(false)
})
