/** What strangers write is in lines of the log now and then, and terminals show those: none of it is obeyed. */
import { expect, test } from 'bun:test'
import { quote } from '../../src/core/errors'
import { start } from '../harness'

/** U+009B is `ESC [` in one character. */
const CSI = 'http://\u009b31mevil'
const HEADERS: Readonly<Record<string, string>> = { origin: CSI, host: CSI.slice('http://'.length) }

test.each(Object.entries(HEADERS))('in the header %s', async (name, value) => {
  await using server = await start()
  const path = `/app/${server.app.key}?protocol=7`
  await using client = await server.raw({ path, headers: { [name]: value }, hello: false })
  await client.next()
  const lines = server.log.lines.map((line) => JSON.stringify(line))
  expect(lines.join('\n')).toContain(' 31mevil')
  expect(lines.join('\n')).not.toContain('\u009b')
})

const OBEYED = [0x00, 0x0a, 0x1b, 0x7f, 0x85, 0x9b, 0x2028, 0x202e, 0x2066, 0xd83d]
test.each(OBEYED)('character %i is a space', (code) => {
  expect(quote(`a${String.fromCharCode(code)}é😀`)).toBe('a é😀')
})

test('a pair that the cut would halve is left out', () => {
  expect(quote(`${'a'.repeat(119)}😀`)).toBe(`${'a'.repeat(119)} …`)
})
