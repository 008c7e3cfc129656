/** Targets and the digest name cases that are played. */
import { expect, test } from 'bun:test'
import { QUESTIONS, findQuestion } from '../../bench/lib/catalogue'
import { DIGEST, isPublished } from '../../bench/lib/published'
import { selectTargeted } from '../../bench/lib/sizes'
import { placesOf, TARGETS } from '../../bench/lib/targets'

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
