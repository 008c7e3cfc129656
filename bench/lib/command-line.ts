/**
 * The command line of a run: which questions, at which size, of which servers, how often and for how long.
 */
import { SIZES, type SizeName } from './sizes'

export type RunOptions = {
  readonly questions: readonly string[]
  readonly size: SizeName
  readonly rounds: number
  readonly seconds: number
  /** The sides to play; all where it is empty. */
  readonly sides: readonly string[]
  /** Texts of which a case's label must contain one; all cases where it is empty. */
  readonly cases: readonly string[]
  /** The texts of `--peer`, to be parsed by `parseNamedPeer`. */
  readonly peers: readonly string[]
  /** True where only what runs anywhere is played. */
  readonly isPortable: boolean
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

/** Parses the arguments of a run; `known` are the names of questions. @throws UsageError */
export function parseCommandLine(args: readonly string[], known: readonly string[]): RunOptions {
  const numbers: Partial<Record<NumberOption, number>> = {}
  const texts: Record<TextOption, string[]> = { '--sides': [], '--cases': [], '--peer': [] }
  const names: string[] = []
  let isPortable = false
  const rest = args.values()
  for (const arg of rest) {
    if (arg === '--portable') isPortable = true
    else if (isNumber(arg)) numbers[arg] = readNumber(arg, rest.next().value)
    else if (isText(arg)) texts[arg].push(readText(arg, rest.next().value))
    else names.push(arg)
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
    isPortable,
  }
}

const isNumber = (arg: string): arg is NumberOption => Object.hasOwn(NUMBERS, arg)
const isText = (arg: string): arg is TextOption => (TEXTS as readonly string[]).includes(arg)
const isSize = (arg: string): arg is SizeName => Object.hasOwn(SIZES, arg)

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
