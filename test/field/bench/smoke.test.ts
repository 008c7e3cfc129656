/**
 * Every question for a moment, with real processes: it runs, loses nothing, and reports every figure
 * that its table and its targets want. What the figures are is nobody's business here.
 */
import { expect, test } from 'bun:test'
import { QUESTIONS } from '../../../bench/lib/catalogue'
import { findDefect, type Question } from '../../../bench/lib/question'
import { recordOf, describeSurroundings } from '../../../bench/lib/records'
import { writePage } from '../../../bench/lib/page'
import { TARGETS } from '../../../bench/lib/targets'

/** Enough for some of everything; how much it is says nothing. */
const SECONDS = 0.05
const CALM = { loadAverage: 0, stealPercent: 0, othersPercent: 0 }
const TIMEOUT_MS = 60_000

const PLAYS = Object.values(QUESTIONS)
  .flat()
  .flatMap((question) =>
    question.smokeCases.map((row) => [question.name, row.label, question, row] as const),
  )

test.skipIf(process.platform !== 'linux').each(PLAYS)(
  '%s, %s: nothing is lost and no figure is missing',
  async (_name, _label, question, row) => {
    const side = question.subjects[0]!
    const outcome = await question.play({ row, side, seconds: SECONDS, onProgress: undefined })

    expect(findDefect(question, outcome)).toBeUndefined()
    const keys = [question.figure, ...question.columns].map(({ key }) => key)
    const wanted = [...keys, ...question.faults, ...targetKeys(question)]
    for (const key of wanted) expect([key, outcome[key]]).toEqual([key, expect.any(Number)])
    expect(
      writePage([
        recordOf(
          { question: question.name, case: row, side, round: 1, outcome },
          describeSurroundings([]),
          CALM,
        ),
      ]),
    ).toContain(row.label)
  },
  TIMEOUT_MS,
)

const targetKeys = ({ name }: Question): readonly string[] =>
  TARGETS.filter(({ place }) => place.question === name).map(({ key }) => key)

test.skipIf(process.platform !== 'linux')(
  'the bare loop delivers what it is asked to',
  async () => {
    for (const name of ['fanout', 'trigger']) {
      const [question] = QUESTIONS[name]!
      const [row] = question!.smokeCases
      const turn = { row: row!, side: 'bare', seconds: SECONDS, onProgress: undefined }
      expect(findDefect(question!, await question!.play(turn))).toBeUndefined()
    }
  },
  TIMEOUT_MS,
)
