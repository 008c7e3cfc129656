/** Five nodes, traffic of every kind, and what goes wrong with nodes and Redis: nothing is told wrongly or lost in silence. */
import { expect, test } from 'bun:test'
import { describeWith } from '../programs'
import { keepOutcome } from '../../chaos/keep'
import { runChaos } from '../../chaos/run'

/** The longer form is `bun run chaos --minutes 10 --seed N`. */
const SECONDS = 10

describeWith('redis-server', 'chaos', () => {
  test('what clients and backends saw has nothing wrong in it', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
    console.log(`seed ${seed}`)
    const faults: string[] = []
    const tell = (line: string) => faults.push(line)
    const outcome = await runChaos({ seed, seconds: SECONDS, clients: 40, tell })
    const { journal, wrongs } = outcome
    if (wrongs.length > 0) console.log([...faults, keepOutcome(outcome)].join('\n'))
    expect(wrongs).toEqual([])
    const count = (type: string) => journal.filter((entry) => entry.type === type).length
    for (const type of ['accepted', 'heard', 'added', 'webhook', 'fault'])
      expect({ type, isThere: count(type) > 0 }).toEqual({ type, isThere: true })
  }, 180_000)
})
