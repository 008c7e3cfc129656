/**
 * EXITS: how a command ends, as a number for scripts; and the error that says it in one line.
 */

/** Shown by `carillon --help` and in docs/command-line.md. */
export const EXITS = {
  done: { code: 0, about: 'done' },
  failed: {
    code: 1,
    about: 'refused or failed; `check-config`, `doctor`, `problems`, `ready`: something is wrong',
  },
  usage: { code: 2, about: 'wrong usage: a command, an option, an argument, a setting' },
  unreachable: { code: 3, about: 'the server cannot be reached, or its database is in use' },
  unauthorized: { code: 4, about: 'not authorised: no credentials, wrong ones, or not for this' },
  missing: { code: 5, about: 'what was asked for is not there' },
} as const satisfies Readonly<Record<string, { readonly code: number; readonly about: string }>>

export type Exit = keyof typeof EXITS

/** Ends a command with one line on standard error, which says what to do. It holds no secret. */
export class CommandError extends Error {
  override readonly name = 'CommandError'

  constructor(
    readonly exit: Exit,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A mistake in what was typed. */
export const usageError = (message: string): CommandError => new CommandError('usage', message)
