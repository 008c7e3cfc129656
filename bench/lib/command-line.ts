/**
 * The command line of a run: which questions, at which size, of whom, how often and for how long.
 */
import { SIZES, type SizeName } from './sizes'

export type Words = {
  readonly questions: readonly string[]
  readonly size: SizeName
  readonly rounds: number
  readonly seconds: number
  /** Only these, where there are any. */
  readonly sides: readonly string[]
  /** Only cases in whose label one of these is, where there are any. */
  readonly cases: readonly string[]
  /** As given, to be read by `readPeer`. */
  readonly peers: readonly string[]
  /** Only what runs anywhere. */
  readonly portable: boolean
}

/** A command line that can't be followed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Stamps and signatures last for at least ten minutes. */
const NUMBERS = { '--rounds': 100, '--seconds': 300 } as const
const TEXTS = ['--sides', '--cases', '--peer'] as const

type NumberOption = keyof typeof NUMBERS
type TextOption = (typeof TEXTS)[number]

/** @throws UsageError */
export function readWords(words: readonly string[], known: readonly string[]): Words {
  const numbers: Partial<Record<NumberOption, number>> = {}
  const texts: Record<TextOption, string[]> = { '--sides': [], '--cases': [], '--peer': [] }
  const names: string[] = []
  let portable = false
  const rest = words.values()
  for (const word of rest) {
    if (word === '--portable') portable = true
    else if (isNumber(word)) numbers[word] = readNumber(word, rest.next().value)
    else if (isText(word)) texts[word].push(readText(word, rest.next().value))
    else names.push(word)
  }
  const [size = 'full', another] = names.filter(isSize)
  if (another) throw new UsageError(`one size is enough: ${size} or ${another}`)
  const questions = [...new Set(names.filter((name) => name !== size))]
  const unknown = questions.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new UsageError(`${unknown} is unknown; see bun run bench --help`)
  const apart: readonly string[] = SIZES[size].apart
  return {
    questions: questions.length === 0 ? known.filter((name) => !apart.includes(name)) : questions,
    size,
    rounds: numbers['--rounds'] ?? SIZES[size].rounds,
    seconds: numbers['--seconds'] ?? SIZES[size].seconds,
    sides: texts['--sides'].flatMap((text) => text.split(',')),
    cases: texts['--cases'],
    peers: texts['--peer'],
    portable,
  }
}

const isNumber = (word: string): word is NumberOption => Object.hasOwn(NUMBERS, word)
const isText = (word: string): word is TextOption => (TEXTS as readonly string[]).includes(word)
const isSize = (word: string): word is SizeName => Object.hasOwn(SIZES, word)

function readNumber(option: NumberOption, text: string | undefined): number {
  const max = NUMBERS[option]
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= max) return number
  throw new UsageError(`${option} expects a whole number from 1 to ${max}`)
}

function readText(option: TextOption, text: string | undefined): string {
  if (text === undefined) throw new UsageError(`${option} expects a value`)
  return text
}
