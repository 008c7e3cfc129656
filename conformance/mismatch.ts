/** Mismatches: what was expected of a server and what came, and the checks that make them. */

/** What a server did instead: the reason of a failed case, in one line. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch'

  constructor(
    readonly expected: string,
    readonly got: string,
  ) {
    super(`expected ${expected}, got ${got}`)
  }
}

const MAX_SHOWN_CHARS = 180

/** Shows a value in a line that is short enough to be read. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim()
  const chars = [...line]
  return chars.length > MAX_SHOWN_CHARS ? `${chars.slice(0, MAX_SHOWN_CHARS).join('')}…` : line
}

/** Fails unless the claim holds. @throws Mismatch */
export function expectThat(holds: boolean, expected: string, got: unknown): asserts holds {
  if (!holds) throw new Mismatch(expected, show(got))
}

/** Fails unless both are deeply equal. @throws Mismatch */
export function expectSame(what: string, got: unknown, expected: unknown): void {
  if (!Bun.deepEquals(got, expected))
    throw new Mismatch(
      `${what} ${show(JSON.stringify(expected))}`,
      show(JSON.stringify(got) ?? 'nothing'),
    )
}

/** Parses JSON that a server has sent. @throws Mismatch */
export function parseJson(what: string, text: unknown): unknown {
  if (typeof text !== 'string') throw new Mismatch(`${what} as a text`, show(text))
  try {
    return JSON.parse(text)
  } catch {
    throw new Mismatch(`${what} in JSON`, show(text) || 'an empty text')
  }
}
