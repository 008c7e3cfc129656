/** The options that the guides for those who move here name are those of the snippets, each of which a test runs. */
import { expect, test } from 'bun:test'
import { SNIPPETS } from '../../src/pages/console/connect/snippets'
import { readPage } from './pages'

/** Rows of the table in docs/moving-from-pusher.md, and the snippets with the same options. */
const ROWS: readonly (readonly [title: string, snippet: string])[] = [
  ['pusher-js', 'pusher-js'],
  ["Laravel's `.env`", 'laravel'],
  ['PHP', 'php'],
  ['Node.js', 'node'],
  ['Python', 'python'],
  ['Ruby', 'ruby'],
  ['Go', 'go'],
]

const APP = { id: '1', key: 'key-1', secret: 'secret-1', name: 'Shop', slug: 'shop' }
const ADDRESS = { host: 'ws.example.org', port: 443, isTls: true, prefix: '' }

const table = (await readPage('docs/moving-from-pusher.md'))
  .split('\n')
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\|/, '').trim()))

test.each(ROWS)('%s is told the host as the snippet %s is', (title, id) => {
  const [, , is = ''] = table.find(([first]) => first === title) ?? []
  const snippet = SNIPPETS.find((row) => row.id === id)!
  const lines = snippet.lines(APP as never, ADDRESS).replaceAll(/\s+/g, ' ')
  const options = Array.from(is.matchAll(/`([^`]+)`/g), ([, code = '']) =>
    code.replace(/^\[(.*)\]$/, '$1').split(', '),
  ).flat()
  const told = options.filter((option) => !/^cluster\b/.test(option))
  expect(told.length).toBeGreaterThan(1)
  for (const option of told)
    expect({ option, isThere: lines.includes(option) }).toEqual({ option, isThere: true })
})
