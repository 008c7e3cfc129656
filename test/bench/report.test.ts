/** The page of a run, and the words of the command line. */
import { expect, test } from 'bun:test'
import { SIZES } from '../../bench/lib/sizes'
import { parseCommandLine } from '../../bench/lib/command-line'
import { Histogram } from '../../bench/lib/histogram'
import { writePage } from '../../bench/lib/page'
import { describeSurroundings, type BenchRecord } from '../../bench/lib/records'
import { parseNamedPeer } from '../../bench/lib/sides'
import { formatTable } from '../../bench/lib/table'
import { findQuestion } from '../../bench/lib/catalogue'

/** Once: a run is called after the second in which it began. */
const AROUND = describeSurroundings(['quick'])
const latency = new Histogram()
latency.record(1500)

const record = (question: string, label: string, side: string, figures: object): BenchRecord =>
  ({
    ...AROUND,
    at: '2026-01-02T03:04:05Z',
    question,
    case: label,
    side,
    round: 1,
    latency: latency.buckets(),
    ...figures,
  }) as BenchRecord

const RECORDS = ['carillon', 'bare'].flatMap((side, index) => [
  record('fanout', '1 000 x 100 B, 4/4', side, { deliveriesPerCpuSecond: 200 - index * 100 }),
  record('fanout', '1 000 x 100 B, at 45/s', side, { deliveriesPerCpuSecond: 100 }),
  record('connect', '<script>', side, { rssBytesEach: 1000, connectionsPerCpuSecond: 10 }),
])

test('a report is one file that asks nobody, with a chart for each thing that was played', () => {
  const html = writePage(RECORDS)

  expect(html).not.toMatch(/https?:|src=|href=|@import|url\(/)
  expect(html.match(/class="chart"/g)).toHaveLength(4)
  expect(html).not.toContain('<script>')
  expect(html).toContain('2.00 x')
})

test('names of a file are text, wherever they stand on the page', () => {
  const hostile = `"><script>alert('x')</script>`
  const html = writePage(
    RECORDS.map((each) => ({
      ...each,
      side: each.side === 'bare' ? hostile : each.side,
      at: hostile,
      command: hostile,
      cpu: hostile,
    })),
  )

  expect(html).not.toContain('<script')
  expect(html).toContain('&quot;>&lt;script>')
})

test('a side is one class wherever it is drawn, whatever it is called', () => {
  const html = writePage(RECORDS)
  const kinds = (side: string) =>
    new Set(
      Array.from(
        html.matchAll(/class="(?:line |key )?(side-\d+)"[^]*?>(carillon|bare)[ <]/g),
        ([, kind, name]) => (name === side ? kind : undefined),
      ).filter(Boolean),
    )

  expect([[...kinds('carillon')], [...kinds('bare')]]).toEqual([['side-0'], ['side-1']])
  for (const kind of ['side-0', 'side-1'])
    expect(html.match(new RegExp(`\\.${kind} \\{ --side: #`, 'g'))).toHaveLength(2) // light and dark
})

test('a report of one question has no empty charts', () => {
  const html = writePage([record('micro', 'sign', 'carillon', { nanosEach: 400 })])

  expect(html).not.toContain('class="chart"')
  expect(html).toContain('400.0')
})

test('a star says that the load was the limit, and only when the server was not', () => {
  const shown = (serverCpuPercent: number): string =>
    formatTable(findQuestion('fanout'), [
      record('fanout', 'room', 'carillon', { serverCpuPercent, loadCpuPercent: 97 }),
    ])

  expect(shown(70)).toContain('97*')
  expect(shown(99)).not.toContain('*')
})

test('words are a size, questions and options', () => {
  const options = parseCommandLine(
    ['quick', 'fanout', '--rounds', '2', '--sides', 'bare,soketi', '--cases', '/s'],
    ['fanout', 'trigger'],
  )

  expect(options).toMatchObject({
    size: 'quick',
    questions: ['fanout'],
    rounds: 2,
    seconds: SIZES.quick.seconds,
  })
  expect(options).toMatchObject({ sides: ['bare', 'soketi'], cases: ['/s'], peers: [] })
  expect(parseCommandLine([], ['fanout', 'trigger']).questions).toEqual(['fanout', 'trigger'])
  expect(parseCommandLine(['fanout', 'fanout'], ['fanout', 'trigger']).questions).toEqual([
    'fanout',
  ])
})

test.each([
  [['nonsense'], 'nonsense is unknown'],
  [['quick', 'smoke'], 'one size is enough'],
  [['--rounds', '0'], 'from 1 to 100'],
  [['--seconds', '1e9'], 'from 1 to 300'],
  [['--sides'], 'expects a value'],
])('%p is refused', (options, why) => {
  expect(() => parseCommandLine(options, ['fanout'])).toThrow(why)
})

test('a peer is a name, an address and what the load must know', () => {
  const [name, peer] = parseNamedPeer('other=http://localhost:7001?id=2&key=k&secret=s&pid=77')

  expect(name).toBe('other')
  expect(peer).toMatchObject({
    host: '127.0.0.1',
    port: 7001,
    pid: 77,
    app: { id: '2', key: 'k', secret: 's' },
    protocol: 'pusher',
  })
  expect(parseNamedPeer('other=http://127.0.0.1:1?protocol=centrifugo')[1].protocol).toBe(
    'centrifugo',
  )
})

test.each([
  ['other', '--peer expects'],
  ['bare=http://127.0.0.1:1', '--peer expects'],
  ['<script>=http://127.0.0.1:1', '--peer expects'],
  ['other=ftp://127.0.0.1', 'is not an address'],
  ['other=http://', 'is not an address'],
  ['other=http://example.org', 'is not an address'],
  ['other=http://127.0.0.1:99999', 'is not an address'],
  ['other=http://127.0.0.1:1?pid=x', 'is not an address'],
  ['other=http://127.0.0.1:1?protocol=mqtt', 'nobody here speaks mqtt'],
])('a peer %p is refused', (text, why) => {
  expect(() => parseNamedPeer(text)).toThrow(why)
})

test('what is a run of its own is asked when it is named', () => {
  const known = ['fanout', 'stalls']

  expect(parseCommandLine(['targets'], known).questions).toEqual(['fanout'])
  expect(parseCommandLine(['targets', 'stalls'], known).questions).toEqual(['stalls'])
  expect(parseCommandLine([], known).questions).toEqual(known)
})
