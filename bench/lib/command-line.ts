/**
 * The command line: which questions, at which size, how often and for how long.
 */
export type Words = {
  readonly questions: readonly string[]
  readonly smoke: boolean
  readonly rounds: number
  readonly seconds: number
}

/** A command line that can't be followed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const SMOKE = 'smoke'
const FULL = { rounds: 3, seconds: 5 }
/** A moment for each question and side. */
const TINY = { rounds: 1, seconds: 0.5 }
/** Stamps and signatures last for at least ten minutes. */
const OPTIONS = { '--rounds': { max: 100 }, '--seconds': { max: 300 } } as const

/** @throws UsageError */
export function readWords(words: readonly string[], known: readonly string[]): Words {
  const given: Partial<Record<keyof typeof OPTIONS, number>> = {}
  const names: string[] = []
  const rest = words.values()
  for (const word of rest) {
    if (isOption(word)) given[word] = readNumber(word, rest.next().value)
    else names.push(word)
  }
  const unknown = names.find((name) => name !== SMOKE && !known.includes(name))
  if (unknown !== undefined)
    throw new UsageError(
      `unknown word ${unknown}; expected ${[...known, SMOKE, ...Object.keys(OPTIONS)].join(', ')}`,
    )
  const smoke = names.includes(SMOKE)
  const { rounds, seconds } = smoke ? TINY : FULL
  const questions = names.filter((name) => name !== SMOKE)
  return {
    questions: questions.length === 0 ? known : questions,
    smoke,
    rounds: given['--rounds'] ?? rounds,
    seconds: given['--seconds'] ?? seconds,
  }
}

const isOption = (word: string): word is keyof typeof OPTIONS => Object.hasOwn(OPTIONS, word)

function readNumber(option: keyof typeof OPTIONS, text: string | undefined): number {
  const { max } = OPTIONS[option]
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= max) return number
  throw new UsageError(`${option} expects a whole number from 1 to ${max}`)
}
