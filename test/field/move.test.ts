/**
 * A live application moves to another server and back, with stock pusher-js and the stock SDK: what a page misses is
 * what the guide says. The other server is a small one of the bench.
 */
import { expect, test } from 'bun:test'
import { findDefect } from '../../bench/lib/question'
import { move, SMALL_MOVES } from '../../bench/move'

/** Ways that the guide describes, and whether a page misses something in them: undefined where it may. */
const WAYS = [
  ['all at once, cut off', true],
  ['to both servers, told 4200', undefined],
  ['publisher first, kept, cut off', false],
  ['publisher first, kept, told 4200', false],
  ['back, to both servers, told 4200', undefined],
] as const

test.skipIf(process.platform !== 'linux').each(WAYS)(
  'a move, %s: after its subscribe a page hears every event once, in order',
  async (label, isMissing) => {
    const row = SMALL_MOVES.find((each) => each.label === label)!
    const outcome = await move.play({ row, side: 'stand-in', seconds: 0, onProgress: undefined })

    expect(findDefect(move, outcome)).toBeUndefined()
    const { missed, pages, occupiedByOurs, occupiedByOther } = outcome
    expect(pages).toBe(row.pages)
    // pusher-js waits a second before it comes back from a cut, and the publisher does not wait.
    if (isMissing !== undefined) expect(missed).toEqual(isMissing ? expect.any(Number) : 0)
    if (isMissing) expect(missed).not.toBe(0)
    expect([occupiedByOurs, occupiedByOther]).toEqual([row.rooms * 3, row.rooms * 3])
  },
)
