/**
 * Surroundings: what a command runs in and what it was given; tests bring their own.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Environment } from '../config/setting'
import { messageOf } from '../core/errors'
import { usageError } from './exits'
import type { Streams } from './terminal'

export type Surroundings = Streams & {
  readonly env: Environment
  readonly folder: string
  /** All that standard input has; empty at a terminal that sends its end at once. */
  readonly readInput: () => Promise<string>
  /** Asks a person on the terminal; undefined where there is none. */
  readonly ask: ((question: string) => Promise<string>) | undefined
  /** Aborted at Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal
}

/** What was typed: arguments in their order, options by their long names. */
export class Given {
  constructor(
    readonly args: readonly (string | readonly string[] | undefined)[],
    readonly options: Readonly<Record<string, unknown>>,
  ) {}

  /** An argument that the row names; empty where it may be left out and was. */
  argument(at: number): string {
    const value = this.args[at]
    return typeof value === 'string' ? value : ''
  }

  /** An argument of several. */
  several(at: number): readonly string[] {
    const value = this.args[at]
    return Array.isArray(value) ? (value as readonly string[]) : []
  }

  has(option: string): boolean {
    return this.options[option] === true
  }

  text(option: string): string | undefined {
    const value = this.options[option]
    return typeof value === 'string' ? value : undefined
  }

  texts(option: string): readonly string[] {
    const value = this.options[option]
    return Array.isArray(value) ? (value as readonly string[]) : []
  }

  /** A whole number from `min` to `max`. @throws CommandError for anything else */
  number(option: string, min: number, max: number): number | undefined {
    const text = this.text(option)
    if (text === undefined) return undefined
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw usageError(`--${option} expects a whole number from ${min} to ${max}`)
  }
}

/** The text of a file, relative to the folder; `-` is standard input. @throws CommandError */
export async function readText(
  file: string,
  what: string,
  { readInput, folder }: Pick<Surroundings, 'readInput' | 'folder'>,
): Promise<string> {
  if (file === '-') return await readInput()
  try {
    return readFileSync(resolve(folder, file), 'utf8')
  } catch (cause) {
    throw usageError(`${what}: ${messageOf(cause)}`)
  }
}
