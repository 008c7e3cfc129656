/** Reads a text out of what others have sent, which may be anything; undefined where there is none. */
export function textOf(value: unknown, field: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const text = (value as Readonly<Record<string, unknown>>)[field]
  return typeof text === 'string' && text.trim() !== '' ? text.slice(0, 200) : undefined
}
