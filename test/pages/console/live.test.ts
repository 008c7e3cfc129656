/** The rows of the page Live: how they are read, kept, held and filtered, and the command lines for them. */
import { describe, expect, test } from 'bun:test'
import { LIVE_KIND_NAMES } from '../../../src/http/live-rows'
import { commandsOf, prettyData, valueOf } from '../../../src/pages/console/live/commands'
import {
  isFiltering,
  NO_FILTER,
  readFilter,
  toggleKinds,
  writeFilter,
} from '../../../src/pages/console/live/filter'
import { GROUPS, KIND_NAMES, type KindName } from '../../../src/pages/console/live/kinds'
import { LiveLog, MAX_CHARS, MAX_ROWS } from '../../../src/pages/console/live/log'
import { rowOf, type LiveRow } from '../../../src/pages/console/live/row'

const row = (id: number, fields: object = {}, kind: KindName = 'published'): LiveRow =>
  rowOf(
    id,
    kind,
    JSON.stringify({ kind, at: 1000 + id, channel: 'room', event: `e${id}`, ...fields }),
  )

const idsOf = ({ visible }: LiveLog): number[] => visible.map(({ id }) => id)

test('the kinds are those of the server, each in one group', () => {
  expect(KIND_NAMES).toEqual(LIVE_KIND_NAMES)
  expect(GROUPS.flatMap(({ kinds }) => kinds).toSorted()).toEqual(KIND_NAMES.toSorted())
})

describe('a row', () => {
  test('has its event, or its code, and the beginning of its data', () => {
    const data = '{"a":1}'
    expect(row(1, { data })).toMatchObject({ channel: 'room', what: 'e1', detail: data, at: 1001 })
    expect(row(2, { data: { a: 1 } }, 'client_event').detail).toBe('{"a":1}')
    expect(row(3, { data_beginning: 'x'.repeat(9000) }).detail).toBe('x'.repeat(300))
    const refused = { event: undefined, code: 'c', likely: 'the clock', message: 'm' }
    expect(row(4, refused, 'refused')).toMatchObject({ what: 'c', detail: 'the clock' })
    expect(
      row(5, { endpoint: 'https://a', status: 503, events: 2, duration_ms: 7 }, 'webhook').detail,
    ).toBe('https://a · 503 · 2 events · 7 ms')
  })
})

describe('the log', () => {
  test('has the newest first, and no more than there is room for', () => {
    const log = new LiveLog()
    log.add(Array.from({ length: MAX_ROWS }, (_, id) => row(id)))
    log.add([row(MAX_ROWS), row(MAX_ROWS + 1)])
    expect([log.size, log.dropped, log.visible.length]).toEqual([MAX_ROWS, 2, MAX_ROWS])
    expect(idsOf(log).slice(0, 2)).toEqual([MAX_ROWS + 1, MAX_ROWS])
    expect(idsOf(log).at(-1)).toBe(2)
  })

  test('has room for so many characters', () => {
    const log = new LiveLog()
    const data = 'x'.repeat(MAX_CHARS / 4)
    for (let id = 0; id < 8; id++) log.add([row(id, { data })])
    expect(idsOf(log)).toEqual([7, 6, 5, 4])
  })

  test('while it is held, rows wait, are counted as they are shown, and are bounded', () => {
    const log = new LiveLog()
    log.add([row(1)])
    log.isHeld = true
    log.add([row(2), row(3, { channel: 'other' })])
    expect([idsOf(log), log.waitingCount]).toEqual([[1], 2])
    log.show({ ...NO_FILTER, channel: 'oth' })
    expect([idsOf(log), log.waitingCount]).toEqual([[], 1])
    log.show(NO_FILTER)
    log.isHeld = false
    log.release()
    expect([idsOf(log), log.waitingCount]).toEqual([[3, 2, 1], 0])
    log.isHeld = true
    log.add(Array.from({ length: MAX_ROWS + 10 }, (_, id) => row(id + 4)))
    expect(log.dropped).toBe(10)
    log.release()
    expect([log.size, idsOf(log)[0]]).toEqual([MAX_ROWS, MAX_ROWS + 13])
  })

  test('shows kinds, channels and texts, of old rows and of new ones', () => {
    const log = new LiveLog()
    log.show({ kinds: new Set(['published', 'refused']), channel: 'ro', text: 'needle' })
    log.add([
      row(1, { data: 'a NEEDLE' }),
      row(2, { data: 'hay' }),
      row(3, { data: 'needle' }, 'webhook'),
      row(4, { data: 'needle', channel: 'a-ro' }),
      row(5, { message: 'needle' }, 'refused'),
    ])
    expect(idsOf(log)).toEqual([5, 1])
    log.show(NO_FILTER)
    expect(idsOf(log)).toEqual([5, 4, 3, 2, 1])
  })

  test('sums up what the server has left out, until it is cleared', () => {
    const log = new LiveLog()
    log.add([row(1)])
    log.skip({ published: 2 })
    log.skip({ published: 3, refused: 1 })
    expect(log.skipped).toEqual({ published: 5, refused: 1 })
    log.clear()
    expect([log.size, log.visible.length, log.skipped]).toEqual([0, 0, {}])
  })
})

describe('the filter', () => {
  test('is read from the address, and written to it', () => {
    const query = 'kinds=refused%2Cwebhook&channel=private-&text=x+y'
    const filter = readFilter(new URLSearchParams(query))
    expect([...filter.kinds]).toEqual(['refused', 'webhook'])
    expect(new URLSearchParams(writeFilter(filter)).toString()).toBe(query)
    expect(isFiltering(filter)).toBe(true)
  })

  test('is none where nothing is named, or nothing that there is', () => {
    for (const query of ['', 'kinds=', 'kinds=nonsense'])
      expect(isFiltering(readFilter(new URLSearchParams(query)))).toBe(false)
  })
})

test('a group of kinds is chosen from all, then another one; without any all are', () => {
  const one = toggleKinds(NO_FILTER.kinds, ['webhook'])
  const two = toggleKinds(one, ['refused', 'unknown_app'])
  expect([[...one], [...two]]).toEqual([['webhook'], ['refused', 'unknown_app', 'webhook']])
  expect(toggleKinds(one, ['webhook'])).toEqual(NO_FILTER.kinds)
})

describe('data', () => {
  test('is what a backend has sent: JSON of objects and lists, else its text', () => {
    for (const data of ['{"a":1}', '[1]']) expect(valueOf(data)).toEqual(JSON.parse(data))
    for (const data of ['"x"', '1', 'null', 'x', '']) expect(valueOf(data)).toBe(data)
    expect(valueOf({ a: 1 })).toEqual({ a: 1 })
  })

  test('is indented', () => {
    expect(prettyData('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}')
    expect(prettyData('plain')).toBe('plain')
    expect(prettyData(null)).toBe('null')
  })
})

test('a command quotes what others chose; data that was cut is not sent again', () => {
  const place = { slug: 'a', key: 'k', publicUrl: 'http://p/', adminUrl: 'http://a/' }
  const [send, watch] = commandsOf(row(1, { event: "it's", data: '{"a":"$(x)"}' }), place)
  expect(send!.line).toBe(
    `curl -u 'k':"$PUSHER_APP_SECRET" \\
  -H 'content-type: application/json' \\
  -d '{"channel":"room","event":"it'\\''s","data":{"a":"$(x)"}}' \\
  'http://p/api/push'`,
  )
  expect(watch!.line).toContain(`'http://a/api/admin/apps/a/live?kinds=published&channel=room'`)
  expect(commandsOf(row(2, { data_beginning: 'x' }), place)).toHaveLength(1)
})
