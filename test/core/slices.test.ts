/** Work in steps, with a meter that is set by the test. */
import { describe, expect, test } from 'bun:test'
import { AT_ONCE_MS, SLICE_MS, Slices, type Work } from '../../src/core/slices'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Short steps: of a turn's whole share, of what is done at once, of the least. */
const STEP_MS = 0.25
const [SHARE, AT_ONCE, LEAST] = [SLICE_MS / STEP_MS, AT_ONCE_MS / STEP_MS, 2]

/** Slices with a clock that their steps move, and the faults in them. */
function makeSlices() {
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
  test('is begun at once, and goes on after what else the turn has, up to its share', async () => {
    const { slices, work } = makeSlices()
    const done: string[] = []
    slices.add(work('a', 2 * SHARE, done, STEP_MS))
    expect(done).toHaveLength(AT_ONCE)
    await turn()
    expect(done).toHaveLength(SHARE)

    slices.add(work('b', SHARE, done, STEP_MS))
    while (done.length < 3 * SHARE) {
      const before = done.length
      await turn()
      expect(done.length - before).toBeLessThanOrEqual(SHARE)
    }
    expect(slices.turns).toBeGreaterThan(0)
  })

  test('has what the arrivals before it have left of a turn, and of those after: crowds come in waves', async () => {
    const { slices, time, work } = makeSlices()
    const done: string[] = []
    slices.add(work('a', 100, done, STEP_MS))
    while (done.length < SHARE) await turn()
    const counts: number[] = []
    for (const arrivalsMs of [2, 0, 0]) {
      const [began, before] = [slices.meter(), done.length]
      slices.spend(began)
      time.ms += arrivalsMs
      await turn()
      counts.push(done.length - before)
    }
    const [first, second, third] = counts
    expect(first).toBe(SHARE - 2 / STEP_MS)
    expect(second).toBeGreaterThan(first!)
    expect(third).toBeGreaterThan(second!)
    expect(third).toBeLessThan(SHARE)
  })

  test('has what is left of a turn in which tasks were put off: the runtime went on with others like them', async () => {
    const { slices, time, work } = makeSlices()
    const done: string[] = []
    slices.add(work('a', 100, done, STEP_MS))
    while (done.length < SHARE) await turn()
    const before = done.length
    slices.schedule(() => undefined)
    time.ms += 2
    slices.schedule(() => undefined)
    await turn()
    expect(done.length - before).toBe(SHARE - 2 / STEP_MS)
  })

  test('leaves time to whoever has turns of their own, in one of its turns', async () => {
    const { slices, work } = makeSlices()
    const done: string[] = []
    slices.add(work('a', 60 * SHARE, done, STEP_MS))
    while (done.length < 50 * SHARE) await turn() // what came at once is forgotten
    const counts: number[] = []
    for (const chargedMs of [2, 0, 1000]) {
      const before = done.length
      slices.charge(chargedMs)
      await turn()
      counts.push(done.length - before)
    }
    expect(counts).toEqual([SHARE - 2 / STEP_MS, SHARE, LEAST])
  })

  test('of several is done in rotation', async () => {
    const { slices, work } = makeSlices()
    const done: string[] = []
    slices.add(work('a', 6, done))
    slices.add(work('b', 3, done))
    slices.add(work('c', 1, done))
    while (done.length < 10) await turn()
    expect(done.join('')).toBe('aabcababaa')
  })

  test('that comes while other work waits for its turn gives the turn no second share', async () => {
    const { slices, work } = makeSlices()
    const done: string[] = []
    slices.add(work('a', 3 * SLICE_MS, done))
    await turn()
    const before = done.length
    slices.add(work('b', 1, done))
    expect(done).toHaveLength(before)
    while (!done.includes('b')) await turn()
  })

  test('that begins other work is measured once', async () => {
    const { slices, time, work } = makeSlices()
    const done: string[] = []
    slices.add({
      part: 'work',
      step: () => {
        slices.add(work('inner', 1, done, 0.4 * AT_ONCE_MS))
        const began = slices.meter()
        time.ms += 0.4 * AT_ONCE_MS
        slices.spend(began)
        return false
      },
    })
    expect(done).toEqual(['inner'])
    expect(slices.hasTime).toBe(true)
  })

  test('that puts a part of its time on the account by itself is measured whole', async () => {
    const { slices, time } = makeSlices()
    let done = 0
    slices.add({
      part: 'work',
      step: () => {
        time.ms += 0.9
        const began = slices.meter()
        time.ms += 0.1
        slices.spend(began)
        return ++done < 100
      },
    })
    while (done < 100) {
      const before = done
      await turn()
      expect(done - before).toBeLessThanOrEqual(SLICE_MS)
    }
  })

  test('that throws goes on with its next step, beside the others', async () => {
    const { slices, faults, work } = makeSlices()
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
    const { slices, time } = makeSlices()
    const began = slices.meter()
    time.ms += SLICE_MS
    slices.spend(began)
    expect(slices.hasTime).toBe(false)
    await turn()
    expect(slices.hasTime).toBe(true)
  })

  test('of a task counts a little, however short: what it sets going comes on top', async () => {
    const { slices, time } = makeSlices()
    let done = 0
    const began = slices.meter()
    time.ms += AT_ONCE_MS
    slices.spend(began)
    for (let tasks = 0; tasks < 300; tasks++) void slices.defer(async () => void done++)
    while (done < 300) {
      const before = done
      await turn()
      expect(done - before).toBeLessThanOrEqual(32)
    }
  })

  test('does not starve beside what is done at once in every turn', async () => {
    const { slices, time, work } = makeSlices()
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
    const { slices, work } = makeSlices()
    const done: string[] = []
    slices.add(work('a', 20, done))
    slices.finish()
    expect(done).toHaveLength(20)
    slices.add(work('b', 20, done))
    expect(done).toHaveLength(40)
  })
})
