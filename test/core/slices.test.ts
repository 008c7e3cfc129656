/** Work in steps, by a meter that says how long each takes. */
import { describe, expect, test } from 'bun:test'
import { SLICE_MS, Slices, type Work } from '../../src/core/slices'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Slices whose steps take as long as they say, and what was thrown in them. */
function metered() {
  const faults: string[] = []
  const time = { ms: 0 }
  const slices = new Slices(
    () => time.ms,
    (cause, part) => faults.push(`${part}: ${String(cause)}`),
  )
  /** So many steps of a millisecond each; `done` has the name of each. */
  const work = (name: string, steps: number, done: string[], stepMs = 1): Work => ({
    part: name,
    step: () => {
      time.ms += stepMs
      done.push(name)
      return --steps > 0
    },
  })
  return { slices, faults, time, work }
}

describe('work', () => {
  test('is done at once while the turn has time, and goes on in the next turns', async () => {
    const { slices, work } = metered()
    const done: string[] = []
    slices.add(work('a', SLICE_MS, done))
    expect(done).toHaveLength(SLICE_MS)

    slices.add(work('b', 2 * SLICE_MS, done))
    expect(done).toHaveLength(SLICE_MS) // the turn is spent
    while (done.length < 3 * SLICE_MS) {
      const before = done.length
      await turn()
      expect(done.length - before).toBeLessThanOrEqual(SLICE_MS)
    }
    expect(slices.turns).toBeGreaterThan(0)
  })

  test('of several is done in rotation', async () => {
    const { slices, work } = metered()
    const done: string[] = []
    slices.add(work('a', 6, done))
    slices.add(work('b', 3, done))
    slices.add(work('c', 1, done))
    while (done.length < 10) await turn()
    expect(done.join('')).toBe('aaaabcabab')
  })

  test('that comes while other work waits for its turn gives the turn no second share', async () => {
    const { slices, work } = metered()
    const done: string[] = []
    slices.add(work('a', 3 * SLICE_MS, done))
    await turn()
    const before = done.length
    slices.add(work('b', 1, done))
    expect(done).toHaveLength(before)
    while (!done.includes('b')) await turn()
  })

  test('that begins other work is measured once', async () => {
    const { slices, time, work } = metered()
    const done: string[] = []
    slices.add({
      part: 'work',
      step: () => {
        slices.add(work('inner', 1, done))
        const began = slices.meter()
        time.ms += 1
        slices.spend(began)
        return false
      },
    })
    expect(done).toEqual(['inner']) // 1 ms for each of both: the turn has time for another
    expect(slices.hasTime).toBe(true)
  })

  test('that throws goes on with its next step, beside the others', async () => {
    const { slices, faults, work } = metered()
    const done: string[] = []
    let left = 3
    slices.add({
      part: 'work',
      step: () => {
        left--
        if (left > 0) throw new Error(`step ${left}`)
        done.push('last')
        return false
      },
    })
    slices.add(work('other', 1, done))
    while (left > 0 || done.length < 2) await turn()
    expect(faults).toEqual(['work: Error: step 2', 'work: Error: step 1'])
    expect(done.toSorted()).toEqual(['last', 'other'])
  })

  test('that is done at once by somebody else counts, until the turn is over', async () => {
    const { slices, time } = metered()
    const began = slices.meter()
    time.ms += SLICE_MS
    slices.spend(began)
    expect(slices.hasTime).toBe(false)
    await turn()
    expect(slices.hasTime).toBe(true)
  })

  test('does not starve beside what is done at once in every turn', async () => {
    const { slices, time, work } = metered()
    const done: string[] = []
    const spendAll = () => {
      const began = slices.meter()
      time.ms += 10 * SLICE_MS
      slices.spend(began)
    }
    spendAll()
    slices.add(work('a', 5, done))
    for (let turns = 1; turns <= 5; turns++) {
      await turn()
      expect(done).toHaveLength(turns)
      spendAll()
    }
  })

  test('that is left at the end is done at once, and what is added then', () => {
    const { slices, work } = metered()
    const done: string[] = []
    slices.add(work('a', 20, done))
    slices.finish()
    expect(done).toHaveLength(20)
    slices.add(work('b', 20, done))
    expect(done).toHaveLength(40)
  })
})
