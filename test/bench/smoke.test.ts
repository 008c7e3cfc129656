/**
 * Every question for a moment, with real processes: it runs, loses nothing, and reports every figure
 * that its table and its targets want. What the figures are is nobody's business here.
 */
import { expect, test } from 'bun:test'
import { QUESTIONS, findQuestion } from '../../bench/lib/catalogue'
import { findDefect, type Question } from '../../bench/lib/question'
import { recordOf, describeSurroundings } from '../../bench/lib/records'
import { writePage } from '../../bench/lib/page'
import { selectTargeted } from '../../bench/lib/sizes'
import { DIGEST, isPublished } from '../../bench/lib/published'
import { placesOf, TARGETS } from '../../bench/lib/targets'

const SECONDS = 0.2
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

test('every target names cases that are played, of sides that are asked', () => {
  for (const target of TARGETS)
    for (const { question: name, case: label, side } of placesOf(target)) {
      const question = Object.values(QUESTIONS)
        .flat()
        .find((each) => each.name === name)
      const row = question && selectTargeted(question).find((each) => each.label === label)
      expect([target.figure, row?.sides?.includes(side)]).toEqual([target.figure, true])
    }
})

test('every row of the digest is a case that is played, of Carillon and somebody else', () => {
  for (const { title, question: name, label } of DIGEST) {
    const row = selectTargeted(findQuestion(name)).find((each) => each.label === label)
    const published = (row?.sides ?? []).filter((side) =>
      isPublished({ question: name, case: label, side }),
    )
    expect([title, published[0]]).toEqual([title, 'carillon'])
    expect(published.length).toBeGreaterThan(1)
  }
})

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
