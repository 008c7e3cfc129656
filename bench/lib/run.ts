/**
 * A run: questions played, recorded, printed and judged.
 */
import { existsSync } from 'node:fs'
import { QUESTIONS } from './catalogue'
import { UsageError, type Words } from './command-line'
import { heading } from './heading'
import { isPortable, leftOut, PORTABLE } from './portable'
import { Progress } from './progress'
import { defectOf, type BenchCase, type Question } from './question'
import {
  fileOf,
  prepareRecords,
  recordOf,
  surroundings,
  writeRecord,
  type BenchRecord,
  type Surroundings,
} from './records'
import { beginText, BUSY_NOTE, busynessText, wasBusy, watchMachine } from './machine'
import { cpuSecondsOf } from './libc'
import { isUp } from './processes'
import { nameOf, planned, playOne, type Planned } from './rounds'
import { addSide, readPeer, ROOT, sideNamed, type Side } from './sides'
import { SIZES } from './sizes'
import { table, targetTable } from './table'

/** Returns what was proved against anybody: what loses messages has no figures to be compared by. */
export async function runBench(words: Words, given: readonly string[]): Promise<readonly string[]> {
  const peers = await Promise.all(words.peers.map(addPeer))
  for (const side of words.sides) sideNamed(side) // throws for one that nobody is called by
  const { cases: casesOf, recorded, judged } = SIZES[words.size]
  const around = surroundings(given)
  const portable = isPortable(process.platform, words)
  const asked = portable
    ? PORTABLE.filter(({ name }) => words.questions.includes(name))
    : words.questions.flatMap((name) => QUESTIONS[name]!)
  const plans = asked
    .map((question) => planOf(question, casesOf(question), { words, peers }))
    .filter((plan) => plan.length > 0)
  if (plans.length === 0) throw new UsageError('nobody that is here is asked any such case')
  if (recorded) prepareRecords()
  const progress = new Progress(plans.flat().length, process.stderr)
  console.log(`${heading(around)}\n${beginText()}\n`)
  if (plans.flat().every(({ rounds }) => rounds === 1)) console.log(`${ONE_ROUND}\n`)
  if (portable) console.log(`${leftOut(words.questions)}\n`)
  const all = { records: [] as BenchRecord[], defects: [] as string[] }
  for (const plan of plans) {
    const began = performance.now()
    const { records, defects } = await playAll(plan, { around, progress, recorded })
    all.records.push(...records)
    all.defects.push(...defects)
    progress.clear()
    const { name, asks } = plan[0]!.question
    const took = Math.round((performance.now() - began) / 1000)
    console.log(
      `${name}: ${asks}\n\n${table(plan[0]!.question, records)}\n\n${plan.length} plays in ${took} s\n`,
    )
  }
  console.log(`${busynessText(all.records)}\n`)
  if (wasBusy(all.records)) console.log(`${BUSY_NOTE}\n`)
  if (judged) console.log(`${targetTable(all.records)}\n`)
  const apart = SIZES[words.size].apart.filter((name) => !words.questions.includes(name))
  for (const name of apart) console.log(`A run of its own: bun run bench ${words.size} ${name}`)
  if (recorded)
    console.log(`Kept in ${fileOf(around.run).slice(ROOT.length + 1)}: bun run bench report`)
  return all.defects
}

/** A peer that can't be asked is one that is absent. */
async function addPeer(text: string): Promise<Side> {
  const [name, peer] = readPeer(text)
  const { host, port, pid } = peer
  if (!(await isUp(port, host))) addSide(name, peer, `${name} does not answer at ${host}:${port}`)
  else if (pid && !existsSync(`/proc/${pid}`)) addSide(name, peer, `${name} is no process ${pid}`)
  else addSide(name, peer)
  return name
}

const ONE_ROUND = 'One round: nothing is known of its spread (--rounds 3 shows it)'

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
  const sides = wanted.filter((side) => isHere(side) && isAsked(question, side))
  const chosen = cases.filter(
    ({ label }) => words.cases.length === 0 || words.cases.some((text) => label.includes(text)),
  )
  const { seconds } = words
  const rounds = Math.min(words.rounds, question.rounds ?? Infinity)
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

/** Says why somebody is not, where it would have been. */
function isAsked({ name }: Question, side: Side): boolean {
  const why = sideNamed(side).notAsked[name]
  if (why !== undefined) console.log(`${name}: ${side} is not asked: ${why}`)
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
    const watched = watchSide(next.side)
    const play = await playOne(next, onProgress).catch(asError)
    const busyness = watched()
    progress.finish()
    const defect = play instanceof Error ? play.message : defectOf(next.question, play.outcome)
    if (defect !== undefined) defects.push(`${nameOf(next)}: ${defect}`)
    if (play instanceof Error) continue // the other rounds are worth something without it
    const record = recordOf(play, around, busyness)
    records.push(record)
    if (recorded) writeRecord(record)
  }
  return { records, defects }
}

const TICKS_PER_SECOND = 100

/** A server that runs already is no child of ours, and yet no stranger; without its pid nothing is known. */
function watchSide(side: Side): ReturnType<typeof watchMachine> {
  const { running } = sideNamed(side)
  if (!running) return watchMachine()
  const { pid } = running
  return watchMachine(() => (pid === undefined ? NaN : cpuSecondsOf(pid) * TICKS_PER_SECOND))
}

const asError = (cause: unknown): Error =>
  cause instanceof Error ? cause : new Error(String(cause))
