/**
 * Rounds: every case against every side, in fresh processes, with the order reversed every other
 * round, so that what drifts on the machine hits all.
 */
import type { Side } from './app'
import type { LoadOutcome } from './load'
import { runLoad, startServer } from './processes'
import type { BenchCase, Question } from './question'
import type { Play } from './records'

export type RoundOptions<Case extends BenchCase, Outcome extends LoadOutcome> = {
  readonly cases: readonly Case[]
  readonly rounds: number
  readonly seconds: number
  readonly onStart: (text: string) => void
  readonly onPlayed: (play: Play<Case, Outcome>) => void
}

/** Reversed every other round. */
function orderOf(round: number, sides: readonly Side[]): readonly Side[] {
  return round % 2 === 1 ? sides : sides.toReversed()
}

/** Until the code is compiled and the first rounds of the collector are over. */
const WARM_UP = { share: 0.4, maxSeconds: 2 }

export async function playRounds<Case extends BenchCase, Outcome extends LoadOutcome>(
  question: Question<Case, Outcome>,
  options: RoundOptions<Case, Outcome>,
): Promise<readonly Play<Case, Outcome>[]> {
  const plays: Play<Case, Outcome>[] = []
  for (let round = 1; round <= options.rounds; round++) {
    for (const row of options.cases) {
      for (const side of orderOf(round, [...question.sides, question.yardstick])) {
        options.onStart(`${question.name} ${round}/${options.rounds}: ${row.label}, ${side}`)
        const outcome = await playOne(question, { row, side, seconds: options.seconds })
        const play = { question: question.name, case: row, side, round, outcome }
        options.onPlayed(play)
        plays.push(play)
      }
    }
  }
  return plays
}

type Turn<Case> = { readonly row: Case; readonly side: Side; readonly seconds: number }

async function playOne<Case extends BenchCase, Outcome extends LoadOutcome>(
  question: Question<Case, Outcome>,
  { row, side, seconds }: Turn<Case>,
): Promise<Outcome> {
  await using server = await startServer(side)
  const warmUpSeconds = Math.min(WARM_UP.maxSeconds, seconds * WARM_UP.share)
  const { port, pid: serverPid } = server
  const order = { case: row, side, port, serverPid, warmUpSeconds, seconds }
  return await runLoad<Case, Outcome>(question.load, order)
}
