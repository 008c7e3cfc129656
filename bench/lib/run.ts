/**
 * A run: questions played, recorded, printed and judged.
 */
import { existsSync } from 'node:fs'
import { QUESTIONS } from './catalogue'
import { UsageError, type RunOptions } from './command-line'
import { formatHeading } from './heading'
import { mustBePortable, describeLeftOut, PORTABLE } from './portable'
import { Progress } from './progress'
import { findDefect, type BenchCase, type Question } from './question'
import {
  fileOf,
  prepareRecords,
  recordOf,
  describeSurroundings,
  writeRecord,
  type BenchRecord,
  type Surroundings,
} from './records'
import { formatBeginning, BUSY_NOTE, formatBusyness, wasBusy, watchMachine } from './machine'
import { cpuSecondsOf } from './libc'
import { isUp } from './processes'
import { nameOf, planRounds, playOne, type Planned } from './rounds'
import { addSide, parseNamedPeer, ROOT, findSide, type Side } from './sides'
import { SIZES } from './sizes'
import { formatTable, formatTargetTable } from './table'

/** Plays a run. Returns the defects that it found: a server that loses messages has no figures. */
export async function runBench(
  options: RunOptions,
  args: readonly string[],
): Promise<readonly string[]> {
  const peers = await Promise.all(options.peers.map(addPeer))
  for (const side of options.sides) findSide(side) // throws for one that nobody is called by
  const { cases: selectCases, isRecorded, isJudged } = SIZES[options.size]
  const around = describeSurroundings(args)
  const isPortable = mustBePortable(process.platform, options)
  const questions = isPortable
    ? PORTABLE.filter(({ name }) => options.questions.includes(name))
    : options.questions.flatMap((name) => QUESTIONS[name]!)
  const plans = questions
    .map((question) => planQuestion(question, selectCases(question), { options, peers }))
    .filter((plan) => plan.length > 0)
  if (plans.length === 0) throw new UsageError('nobody that is here is asked any such case')
  if (isRecorded) prepareRecords()
  const progress = new Progress(plans.flat().length, process.stderr)
  console.log(`${formatHeading(around)}\n${formatBeginning()}\n`)
  if (plans.flat().every(({ rounds }) => rounds === 1)) console.log(`${ONE_ROUND}\n`)
  if (isPortable) console.log(`${describeLeftOut(options.questions)}\n`)
  const all = { records: [] as BenchRecord[], defects: [] as string[] }
  for (const plan of plans) {
    const began = performance.now()
    const { records, defects } = await playAll(plan, { around, progress, isRecorded })
    all.records.push(...records)
    all.defects.push(...defects)
    progress.clear()
    const { name, asks } = plan[0]!.question
    const took = Math.round((performance.now() - began) / 1000)
    console.log(
      `${name}: ${asks}\n\n${formatTable(plan[0]!.question, records)}\n\n${plan.length} plays in ${took} s\n`,
    )
  }
  console.log(`${formatBusyness(all.records)}\n`)
  if (wasBusy(all.records)) console.log(`${BUSY_NOTE}\n`)
  if (isJudged) console.log(`${formatTargetTable(all.records)}\n`)
  const apart = SIZES[options.size].apart.filter((name) => !options.questions.includes(name))
  for (const name of apart) console.log(`A run of its own: bun run bench ${options.size} ${name}`)
  if (isRecorded)
    console.log(`Kept in ${fileOf(around.run).slice(ROOT.length + 1)}: bun run bench report`)
  return all.defects
}

/** Adds a peer of the command line; one that does not answer is absent. */
async function addPeer(text: string): Promise<Side> {
  const [name, peer] = parseNamedPeer(text)
  const { host, port, pid } = peer
  if (!(await isUp(port, host))) addSide(name, peer, `${name} does not answer at ${host}:${port}`)
  else if (pid && !existsSync(`/proc/${pid}`)) addSide(name, peer, `${name} is no process ${pid}`)
  else addSide(name, peer)
  return name
}

const ONE_ROUND = 'One round: nothing is known of its spread (--rounds 3 shows it)'

type PlanContext = { readonly options: RunOptions; readonly peers: readonly Side[] }

function planQuestion(
  question: Question,
  cases: readonly BenchCase[],
  { options, peers }: PlanContext,
): readonly Planned[] {
  const hasOthers = question.yardsticks.includes('soketi')
  const everybody = [...question.subjects, ...question.yardsticks, ...(hasOthers ? peers : [])]
  const wanted =
    options.sides.length === 0
      ? everybody
      : everybody.filter((side) => options.sides.includes(side))
  const sides = wanted.filter((side) => isInstalled(side) && isSuitable(question, side))
  const chosen = cases.filter(
    ({ label }) => options.cases.length === 0 || options.cases.some((text) => label.includes(text)),
  )
  const { seconds } = options
  const rounds = Math.min(options.rounds, question.rounds ?? Infinity)
  return planRounds({ question, cases: chosen, sides, rounds, seconds })
}

const reported = new Set<Side>()

/** True where the side can be measured here. Otherwise logs the reason, once. */
function isInstalled(side: Side): boolean {
  const reason = findSide(side).findReasonAbsent()
  if (reason !== undefined && !reported.has(side)) console.log(`Left out: ${reason}`)
  reported.add(side)
  return reason === undefined
}

/** True where the question suits the side. Otherwise logs the reason. */
function isSuitable({ name }: Question, side: Side): boolean {
  const reason = findSide(side).unsuited[name]
  if (reason !== undefined) console.log(`${name}: ${side} is not asked: ${reason}`)
  return reason === undefined
}

type RunContext = {
  readonly around: Surroundings
  readonly progress: Progress
  readonly isRecorded: boolean
}

async function playAll(plan: readonly Planned[], { around, progress, isRecorded }: RunContext) {
  const records: BenchRecord[] = []
  const defects: string[] = []
  for (const next of plan) {
    progress.begin(next)
    const onProgress = progress.isWatched ? (rate: number) => progress.rate(rate) : undefined
    const stopWatching = watchSide(next.side)
    const play = await playOne(next, onProgress).catch(asError)
    const busyness = stopWatching()
    progress.finish()
    const defect = play instanceof Error ? play.message : findDefect(next.question, play.outcome)
    if (defect !== undefined) defects.push(`${nameOf(next)}: ${defect}`)
    if (play instanceof Error) continue // the other rounds are worth something without it
    const record = recordOf(play, around, busyness)
    records.push(record)
    if (isRecorded) writeRecord(record)
  }
  return { records, defects }
}

const TICKS_PER_SECOND = 100

/** A server that runs already is no child of ours, and yet no stranger; without its pid nothing is known. */
function watchSide(side: Side): ReturnType<typeof watchMachine> {
  const { running } = findSide(side)
  if (!running) return watchMachine()
  const { pid } = running
  return watchMachine(() => (pid === undefined ? NaN : cpuSecondsOf(pid) * TICKS_PER_SECOND))
}

const asError = (cause: unknown): Error =>
  cause instanceof Error ? cause : new Error(String(cause))
