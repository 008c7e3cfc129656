/**
 * The bench: `bun run bench` asks every question at full size, `bun run bench fanout` one of them,
 * `bun run bench smoke` all of them for a moment, to see that nothing is lost. Fails when a round
 * proves a defect; a missed target is only marked, since a busy machine misses it too.
 */
import { fanout } from './fanout'
import { emptyHook, hooksFanout, hooksTrigger } from './hooks'
import { readWords, UsageError, type Words } from './lib/command-line'
import type { LoadOutcome } from './lib/load'
import { endWithBench } from './lib/processes'
import type { BenchCase, Question } from './lib/question'
import { surroundings, writeRecord, type Play } from './lib/records'
import { playRounds } from './lib/rounds'
import { table } from './lib/table'
import { trigger } from './trigger'

const QUESTIONS: Readonly<Record<string, (words: Words) => Promise<readonly string[]>>> = {
  fanout: (words) => ask(fanout, words),
  trigger: (words) => ask(trigger, words),
  hooks: askHooks,
}

if (process.platform !== 'linux') refuse('CPU time is read from /proc: the bench needs Linux')
endWithBench()
const words = commandLine()
const defects: string[] = []
try {
  for (const name of words.questions) defects.push(...(await QUESTIONS[name]!(words)))
} catch (cause) {
  defects.push(cause instanceof Error ? cause.message : String(cause))
}
for (const defect of defects) process.stderr.write(`bench: ${defect}\n`)
process.exit(defects.length === 0 ? 0 : 1)

/** What plugins cost: end to end, and one call site with nobody to ask. */
async function askHooks(words: Words): Promise<readonly string[]> {
  const defects = [...(await ask(hooksFanout, words)), ...(await ask(hooksTrigger, words))]
  if (!words.smoke) console.log(`\n${emptyHook()}`)
  return defects
}

/** Plays, records and prints a question. Returns the defects that it found. */
async function ask<Case extends BenchCase, Outcome extends LoadOutcome>(
  question: Question<Case, Outcome>,
  { smoke, rounds, seconds }: Words,
): Promise<readonly string[]> {
  const around = surroundings()
  const plays = await playRounds(question, {
    cases: smoke ? question.smokeCases : question.cases,
    rounds,
    seconds,
    onStart: progress,
    onPlayed: (play) => smoke || writeRecord(play, around),
  })
  progress('')
  const { machine, pinned, bun, commit } = around
  const where = `${machine.cpu}, ${machine.cores} cores, ${pinned ? 'pinned' : 'not pinned'}`
  console.log(`\n${question.name}: ${rounds} x ${seconds} s; ${where}; Bun ${bun}; ${commit}\n`)
  console.log(table(question, plays))
  return defectsOf(question, plays)
}

function defectsOf<Case extends BenchCase, Outcome extends LoadOutcome>(
  { name, defect }: Question<Case, Outcome>,
  plays: readonly Play<Case, Outcome>[],
): readonly string[] {
  return plays.flatMap(({ case: { label }, side, round, outcome }) => {
    const found = defect(outcome)
    return found === undefined ? [] : [`${name}, ${label}, ${side}, round ${round}: ${found}`]
  })
}

/** One line that replaces itself; silent where nobody watches. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

function commandLine(): Words {
  try {
    return readWords(process.argv.slice(2), Object.keys(QUESTIONS))
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    refuse(cause.message)
  }
}

function refuse(why: string): never {
  process.stderr.write(`bench: ${why}\n`)
  process.exit(1)
}
