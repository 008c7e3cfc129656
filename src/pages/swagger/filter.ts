/** Which operations the filter box leaves: those in which each of its words occurs somewhere. */
export type Candidate = {
  readonly tag: string
  readonly method: string
  readonly path: string
  readonly summary: string
  readonly operationId: string
}

export function isFound(phrase: string, candidate: Candidate): boolean {
  const text = Object.values(candidate).join(' ').toLowerCase()
  return phrase
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}
