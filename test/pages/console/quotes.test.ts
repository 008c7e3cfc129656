/**
 * Values as literals of each language. The literals were once read by PHP, Ruby, Python, Go, a C++ compiler with
 * trigraphs, and Laravel's reader of `.env` files, and gave these texts; what is here reads its own again.
 */
import { describe, expect, test } from 'bun:test'
import * as quotes from '../../../src/pages/console/connect/quotes'

const NASTY = `a'b"c\\d$e\${F}#{1}#g\`h\`??=<`

const LITERALS: readonly (readonly [keyof typeof quotes, string])[] = [
  ['jsText', String.raw`'a\'b"c\\d$e${'${F}'}#{1}#g` + '`h`' + String.raw`??=\u003c'`],
  ['jsonText', String.raw`"a'b\"c\\d$e${'${F}'}#{1}#g` + '`h`??=<"'],
  ['cText', String.raw`"a'b\"c\\d$e${'${F}'}#{1}#g` + '`h`' + String.raw`?\?=<"`],
  ['plainText', String.raw`'a\'b"c\\d$e${'${F}'}#{1}#g` + "`h`??=<'"],
  ['shellText', String.raw`'a'\''b"c\d$e${'${F}'}#{1}#g` + "`h`??=<'"],
  ['envText', '"a\'b\\"c\\\\d\\$e\\${F}#{1}#g`h`??=<"'],
  ['htmlText', String.raw`a'b"c\d$e${'${F}'}#{1}#g` + '`h`??=&lt;'],
  ['urlText', 'a%27b%22c%5Cd%24e%24%7BF%7D%23%7B1%7D%23g%60h%60%3F%3F%3D%3C'],
]
test.each(LITERALS)('%s quotes what would mean something', (name, literal) => {
  expect(quotes[name](NASTY)).toBe(literal)
})

const LINES: readonly (readonly [keyof typeof quotes, string])[] = [
  ['jsText', String.raw`'\u000aa\u000d\u2028\u2029'`],
  ['jsonText', String.raw`"\na\r\u2028\u2029"`],
  ['cText', `"\\012a\\015\u2028\u2029"`],
  ['envText', `"\\na\\r\u2028\u2029"`],
  ['urlText', '%0Aa%0D%E2%80%A8%E2%80%A9'],
]
test.each(LINES)('%s keeps line ends in one line', (name, literal) => {
  expect(quotes[name]('\na\r\u2028\u2029')).toBe(literal)
})

describe('what can be read here is the text again', () => {
  const texts = [NASTY, '', '\\', "'", '"', `\\"`, "\\'", '$HOME', '</script><!--', 'é😀', '??/']

  test.each(texts)('%j', async (text) => {
    expect(new Function(`return ${quotes.jsText(text)}`)()).toBe(text)
    expect(JSON.parse(quotes.jsonText(text))).toBe(text)
    expect(decodeURIComponent(quotes.urlText(text))).toBe(text)
    expect(quotes.jsText(text)).not.toContain('<')
  })

  test('and by a shell', async () => {
    const script = `printf '%s\\n' ${texts.map(quotes.shellText).join(' ')}`
    const child = Bun.spawn(['sh', '-c', script], { stdout: 'pipe' })
    expect(await new Response(child.stdout).text()).toBe(texts.map((text) => `${text}\n`).join(''))
  })
})

test('values of .env files that mean nothing stay bare', () => {
  for (const text of ['test-app-fake-key', 'push.example.com', '[::1]', '6f0c-11'])
    expect(quotes.envText(text)).toBe(text)
  for (const text of ['a#b', 'a b', '$a', "a'"]) expect(quotes.envText(text)).toStartWith('"')
})
