/**
 * `bun run chaos --minutes 10 --seed N`: nodes, traffic and faults for so long, then the judge. Journal and logs of a
 * run that found something are written to the folder that it names; its exit code is 1.
 */
import { parseArgs } from 'node:util'
import { keepOutcome } from './keep'
import { runChaos } from './run'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    nodes: { type: 'string', default: '5' },
    clients: { type: 'string', default: '60' },
    /** Masters of a Redis Cluster, in place of one Redis. */
    cluster: { type: 'string' },
    /** Names of faults, between commas; all of them, if absent. */
    only: { type: 'string' },
  },
})

const began = performance.now()
const tell = (line: string) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`)

console.log(`seed ${values.seed}`)
const outcome = await runChaos({
  seed: Number(values.seed),
  seconds: Number(values.minutes) * 60,
  nodes: Number(values.nodes),
  clients: Number(values.clients),
  ...(values.cluster !== undefined && { cluster: Number(values.cluster) }),
  ...(values.only !== undefined && { only: values.only.split(',') }),
  tell,
})
const { journal, wrongs } = outcome
const counts = Map.groupBy(journal, ({ type }) => type)
tell([...counts].map(([type, entries]) => `${entries.length} ${type}`).join(', '))
for (const [rule, all] of Map.groupBy(wrongs, ({ rule }) => rule)) {
  console.log(`${rule}: ${all.length} wrong`)
  for (const { of, what } of all.slice(0, 12)) console.log(`  ${of}: ${what}`)
}
if (wrongs.length > 0 || process.env['CHAOS_KEEP'])
  console.log(`journal and logs: ${keepOutcome(outcome)}`)
console.log(wrongs.length === 0 ? 'nothing is wrong' : `${wrongs.length} wrong`)
process.exit(wrongs.length === 0 ? 0 : 1)
