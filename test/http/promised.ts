/** What the document promises of each operation. */
import { DOCUMENT_FILE } from '../../openapi/current'

type Answer = { readonly content?: Readonly<Record<string, { readonly example?: unknown }>> }
const document = (await Bun.file(DOCUMENT_FILE).json()) as {
  paths: Record<string, Record<string, { responses: Record<string, Answer> }>>
}
/** PROMISED: each status of each operation, with its answer. */
export const PROMISED = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { responses }]) =>
    Object.entries(responses).map(
      ([status, answer]) => [`${method.toUpperCase()} ${path}`, status, answer] as const,
    ),
  ),
)

/** The text of a refusal, to the letter. */
export function describeContent({ content = {} }: Answer): string {
  const [[type, { example }] = ['', { example: '' }]] = Object.entries(content)
  if (type === 'text/plain') return `${example}\n`
  return type === '' ? '' : JSON.stringify(example)
}
