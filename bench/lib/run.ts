/**
 * A run: questions played, recorded, printed and judged.
 */
import { QUESTIONS } from './catalogue'
import type { Words } from './command-line'
import { heading } from './heading'
import { Progress } from './progress'
import type { BenchCase, Question } from './question'
import {
  fileOf,
  recordOf,
  surroundings,
  writeRecord,
  type BenchRecord,
  type Surroundings,
} from './records'
import { planned, playOne, verdictOn, type Planned } from './rounds'
import { addSide, readPeer, ROOT, sideNamed, type Side } from './sides'
import { SIZES } from './sizes'
import { table, targetTable } from './table'

/** Returns what was proved against Carillon. A yardstick's defects are told, and no failure of ours. */
export async function runBench(words: Words, given: readonly string[]): Promise<readonly string[]> {
  const peers = words.peers.map((text) => {
    const [name, peer] = readPeer(text)
    addSide(name, peer)
    return name
  })
  const { cases: casesOf, recorded, judged } = SIZES[words.size]
  const around = surroundings(given)
  const asked = words.questions.flatMap((name) => QUESTIONS[name]!)
  const plans = asked
    .map((question) => planOf(question, casesOf(question), { words, peers }))
    .filter((plan) => plan.length > 0)
  const progress = new Progress(plans.flat().length, process.stderr)
  console.log(`${heading(around)}\n`)
  const all = { records: [] as BenchRecord[], defects: [] as string[] }
  for (const plan of plans) {
    const { records, defects } = await playAll(plan, { around, progress, recorded })
    all.records.push(...records)
    all.defects.push(...defects)
    progress.clear()
    const { name, asks } = plan[0]!.question
    console.log(`${name}: ${asks}\n\n${table(plan[0]!.question, records)}\n`)
  }
  if (judged) console.log(`${targetTable(all.records)}\n`)
  if (recorded)
    console.log(`Kept in ${fileOf(around.run).slice(ROOT.length + 1)}: bun run bench report`)
  return all.defects
}

type PlanContext = { readonly words: Words; readonly peers: readonly Side[] }

function planOf(
  question: Question,
  cases: readonly BenchCase[],
  { words, peers }: PlanContext,
): readonly Planned[] {
  const compares = question.yardsticks.includes('soketi')
  const everybody = [...question.subjects, ...question.yardsticks, ...(compares ? peers : [])]
  const wanted =
    words.sides.length === 0 ? everybody : everybody.filter((side) => words.sides.includes(side))
  const sides = wanted.filter((side) => isHere(side))
  const chosen = cases.filter(
    ({ label }) => words.cases.length === 0 || words.cases.some((text) => label.includes(text)),
  )
  const { rounds, seconds } = words
  return planned({ question, cases: chosen, sides, rounds, seconds })
}

const told = new Set<Side>()

/** Says once why somebody is not. */
function isHere(side: Side): boolean {
  const why = sideNamed(side).absent()
  if (why !== undefined && !told.has(side)) console.log(`Left out: ${why}`)
  told.add(side)
  return why === undefined
}

type RunContext = {
  readonly around: Surroundings
  readonly progress: Progress
  readonly recorded: boolean
}

async function playAll(plan: readonly Planned[], { around, progress, recorded }: RunContext) {
  const records: BenchRecord[] = []
  const defects: string[] = []
  for (const next of plan) {
    progress.begin(next)
    const onProgress = progress.watched ? (rate: number) => progress.rate(rate) : undefined
    const play = await playOne(next, onProgress)
    progress.finish()
    const record = recordOf(play, around)
    records.push(record)
    if (recorded) writeRecord(record)
    const verdict = verdictOn(next.question, play)
    if (verdict === undefined) continue
    if (next.question.yardsticks.includes(next.side)) console.log(`Note: ${verdict}`)
    else defects.push(verdict)
  }
  return { records, defects }
}
